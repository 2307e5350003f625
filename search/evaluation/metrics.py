"""Ranking metrics over binary relevance, each for the result of one query.

`ranks` are the 1-based ranks of the relevant items that were ranked, ascending; `relevant` is
how many relevant items exist. An item that was not ranked counts as never found. Definitions
follow Manning, Raghavan and Schütze, *Introduction to Information Retrieval*, chapter 8, and for
nDCG Järvelin and Kekäläinen 2002, https://doi.org/10.1145/582415.582418.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2


def hit_at(ranks: Sequence[int], k: int) -> float:
    """Return 1 if any relevant item is among the first k, else 0."""
    return float(bool(ranks) and ranks[0] <= k)


def reciprocal_rank(ranks: Sequence[int]) -> float:
    """Return 1 / rank of the first relevant item; 0 if none was ranked."""
    return 1 / ranks[0] if ranks else 0.0


def average_precision(ranks: Sequence[int], relevant: int) -> float:
    """Return Σ_i (i / rank_i) / relevant, the mean of the precision at each relevant item."""
    return sum(count / rank for count, rank in enumerate(ranks, start=1)) / relevant


def ndcg_at(ranks: Sequence[int], relevant: int, k: int) -> float:
    """Return DCG@k / ideal DCG@k with gain 1 and discount 1 / log2(rank + 1)."""
    gain = sum(1 / log2(rank + 1) for rank in ranks if rank <= k)
    ideal = sum(1 / log2(rank + 1) for rank in range(1, min(relevant, k) + 1))
    return gain / ideal


def precision_at(ranks: Sequence[int], k: int) -> float:
    """Return the number of relevant items among the first k, divided by k."""
    return sum(rank <= k for rank in ranks) / k


def r_precision(ranks: Sequence[int], relevant: int) -> float:
    """Return the precision at k = `relevant`."""
    return precision_at(ranks, relevant)


def first_rank(ranks: Sequence[int], missing: int) -> int:
    """Return the rank of the first relevant item; `missing` (last rank + 1) if none was ranked."""
    return ranks[0] if ranks else missing
