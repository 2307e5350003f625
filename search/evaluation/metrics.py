"""Ranking metrics over binary relevance. Each function takes one query's result and states its
formula.

`ranks` are the 1-based ranks of the relevant items that were ranked, ascending; `relevant` is
how many exist. One that was not ranked at all counts as never found. Definitions follow Manning,
Raghavan and Schütze, *Introduction to Information Retrieval*, chapter 8, and for nDCG Järvelin
and Kekäläinen 2002, https://doi.org/10.1145/582415.582418.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2


def hit_at(ranks: Sequence[int], k: int) -> float:
    """1 if any relevant item is among the first k, else 0."""
    return float(bool(ranks) and ranks[0] <= k)


def reciprocal_rank(ranks: Sequence[int]) -> float:
    """1 / rank of the first relevant item; 0 when none was ranked."""
    return 1 / ranks[0] if ranks else 0.0


def average_precision(ranks: Sequence[int], relevant: int) -> float:
    """Σ_i (i / rank_i) / relevant: precision at each relevant item, averaged over all relevant
    items.
    """
    return sum(found / rank for found, rank in enumerate(ranks, start=1)) / relevant


def ndcg_at(ranks: Sequence[int], relevant: int, k: int) -> float:
    """DCG@k / ideal DCG@k with gain 1 and discount 1 / log2(rank + 1)."""
    gained = sum(1 / log2(rank + 1) for rank in ranks if rank <= k)
    ideal = sum(1 / log2(rank + 1) for rank in range(1, min(relevant, k) + 1))
    return gained / ideal


def precision_at(ranks: Sequence[int], k: int) -> float:
    """Relevant items among the first k, divided by k."""
    return sum(rank <= k for rank in ranks) / k


def r_precision(ranks: Sequence[int], relevant: int) -> float:
    """Precision at as many items as are relevant."""
    return precision_at(ranks, relevant)


def first_rank(ranks: Sequence[int], missing: int) -> int:
    """Rank of the first relevant item; `missing` (one behind the last place) when none was
    ranked.
    """
    return ranks[0] if ranks else missing
