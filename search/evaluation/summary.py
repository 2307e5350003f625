"""Metrics of a whole query set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from search.errors import InputError
from search.evaluation import metrics


@dataclass(frozen=True, slots=True)
class Judged:
    """One query's outcome: ascending ranks of relevant items, how many are relevant, how many
    could be ranked.
    """

    ranks: tuple[int, ...]
    relevant: int
    ranked: int


def judge(
    ranking: Sequence[str], relevant: Iterable[str], *, without: Iterable[str] = ()
) -> Judged:
    """Place the relevant items in a ranking (best first). Items in `without` are taken out of
    both, closing the gap.

    Raises InputError when nothing relevant is left: such a query measures nothing.
    """
    out = frozenset(without)
    wanted = frozenset(relevant) - out
    if not wanted:
        raise InputError(
            "a query has no relevant item", fix="Remove the query or list what it should find."
        )
    kept = [item for item in ranking if item not in out]
    ranks = tuple(rank for rank, item in enumerate(kept, start=1) if item in wanted)
    return Judged(ranks, len(wanted), len(kept))


def summarise(judged: Sequence[Judged]) -> dict[str, float]:
    """Means over queries (MedR is the median). Raises InputError for an empty set."""
    if not judged:
        raise InputError("there are no queries to summarise")
    first = [metrics.first_rank(query.ranks, query.ranked + 1) for query in judged]
    return {
        **{
            f"hit@{k}": fmean(metrics.hit_at(query.ranks, k) for query in judged)
            for k in (1, 5, 10)
        },
        "MRR": fmean(metrics.reciprocal_rank(query.ranks) for query in judged),
        "mAP": fmean(metrics.average_precision(query.ranks, query.relevant) for query in judged),
        "nDCG@10": fmean(metrics.ndcg_at(query.ranks, query.relevant, 10) for query in judged),
        "P@10": fmean(metrics.precision_at(query.ranks, 10) for query in judged),
        "R-precision": fmean(metrics.r_precision(query.ranks, query.relevant) for query in judged),
        "MedR": float(median(first)),
        "MeanR": fmean(first),
    }
