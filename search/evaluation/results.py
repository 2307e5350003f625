"""Results of evaluated queries, and the metrics of a query set."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Literal

from search.errors import InputError
from search.evaluation import metrics
from search.evaluation.folder import EvaluationQuery

Facet = Literal["language", "category"]


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Ascending ranks of the relevant items, how many items are relevant and how many ranked."""

    ranks: tuple[int, ...]
    relevant: int
    ranked: int

    @property
    def average_precision(self) -> float:
        return metrics.average_precision(self.ranks, self.relevant)


@dataclass(frozen=True, slots=True)
class EvaluatedQuery:
    """A query of an evaluation folder with its result."""

    query: EvaluationQuery
    result: QueryResult

    @property
    def average_precision(self) -> float:
        return self.result.average_precision


def evaluate_ranking(
    ranking: Sequence[str], relevant: Iterable[str], *, exclude: Iterable[str] = ()
) -> QueryResult:
    """Return the ranks of the relevant items in a ranking, best first.

    Items in `exclude` are removed from both before ranks are counted. Raises InputError when no
    relevant item is left, because such a query measures nothing.
    """
    excluded = frozenset(exclude)
    wanted = frozenset(relevant) - excluded
    if not wanted:
        raise InputError(
            "a query has no relevant item", fix="Remove the query or list what it should find."
        )
    kept = [item for item in ranking if item not in excluded]
    ranks = tuple(rank for rank, item in enumerate(kept, start=1) if item in wanted)
    return QueryResult(ranks, len(wanted), len(kept))


def summarise(results: Sequence[QueryResult]) -> dict[str, float]:
    """Return the mean of every metric over queries; MedR is a median.

    Raises InputError for an empty set.
    """
    if not results:
        raise InputError("there are no queries to summarise")
    first = [metrics.first_rank(result.ranks, result.ranked + 1) for result in results]
    hits = {
        f"hit@{k}": fmean(metrics.hit_at(result.ranks, k) for result in results) for k in (1, 5, 10)
    }
    return hits | {
        "MRR": fmean(metrics.reciprocal_rank(result.ranks) for result in results),
        "mAP": fmean(result.average_precision for result in results),
        "nDCG@10": fmean(metrics.ndcg_at(result.ranks, result.relevant, 10) for result in results),
        "P@10": fmean(metrics.precision_at(result.ranks, 10) for result in results),
        "R-precision": fmean(
            metrics.r_precision(result.ranks, result.relevant) for result in results
        ),
        "MedR": float(median(first)),
        "MeanR": fmean(first),
    }


def group_by_facet(
    queries: Iterable[EvaluatedQuery], facet: Facet
) -> dict[str, list[EvaluatedQuery]]:
    """Group queries by language or category, sorted by name; skip queries without one."""
    groups: dict[str, list[EvaluatedQuery]] = {}
    for evaluated in queries:
        if name := getattr(evaluated.query, facet):
            groups.setdefault(name, []).append(evaluated)
    return dict(sorted(groups.items()))


def pick_extremes(
    queries: Sequence[EvaluatedQuery], count: int
) -> tuple[list[EvaluatedQuery], list[EvaluatedQuery]]:
    """Return the `count` worst and the `count` best queries, most extreme first.

    With few queries the lists get shorter, so that no query is in both.
    """
    ascending = sorted(queries, key=lambda each: (each.average_precision, each.query.id))
    count = min(count, len(queries) // 2)
    return ascending[:count], ascending[::-1][:count]


def is_label_set(queries: Sequence[EvaluatedQuery]) -> bool:
    """Return whether the queries are labels: texts with more than two relevant items on average.

    Reports list single queries of such a set. They skip sets in which each query is the
    description of one product, or a file.
    """
    texts_only = all(each.query.file is None for each in queries)
    return texts_only and sum(each.result.relevant for each in queries) > 2 * len(queries)
