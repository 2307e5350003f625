"""Exact search that scores all eligible rows, on the processor or on a GPU."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from search.types import Ids, Vectors
from search.vectors.fp16 import make_flat_index
from search.vectors.row_filter import RowFilter
from search.vectors.scoring import OVERFETCH, TIE_MARGIN, ScoredRows, Scores, rerank_ties
from search.vectors.store import RowStore

MAX_GATHERED_SHARE = 0.02
"""Below this share of eligible rows, copying them together is faster than skipping the others."""

MAX_GATHERED_BYTES = 1 << 26
"""Most memory that the rows copied for one search may take."""


class ExactSearch(Protocol):
    """Scores all of `count` eligible rows."""

    @property
    def count(self) -> int: ...

    def search(self, queries: Vectors, k: int) -> tuple[Scores, Ids]:
        """Return descending float32 scores and rows of the k ≤ count best, (q, k) each."""


class StoreExactSearch:
    """Exact search of a store's rows by FAISS.

    Uses the whole store with a selector, or an index over a copy where few rows are eligible.
    """

    def __init__(self, store: RowStore, eligible: RowFilter) -> None:
        copies_rows = (
            eligible.count <= MAX_GATHERED_SHARE * len(store)
            and eligible.count * store.dim * 2 <= MAX_GATHERED_BYTES
        )
        self.count = eligible.count
        self._row_numbers = eligible.row_numbers if copies_rows else None
        self._gathered = store.fp16_vectors(eligible.row_numbers) if copies_rows else None
        self._index = store.flat if self._gathered is None else make_flat_index(self._gathered)
        self._parameters = None if copies_rows or eligible.allows_all else eligible.flat_parameters

    def search(self, queries: Vectors, k: int) -> tuple[Scores, Ids]:
        scores, rows = self._index.search(queries, k, params=self._parameters)
        return scores, rows if self._row_numbers is None else self._row_numbers[rows]


def search_exactly(
    store: RowStore, exact: ExactSearch, queries: Vectors, k: int, fetch: int | None = None
) -> ScoredRows:
    """Return the k best rows of each query, best first, ties in order.

    At least `fetch` rows are fetched; k and OVERFETCH when None.
    """
    fetch = min(k + OVERFETCH if fetch is None else fetch, exact.count)
    scores, rows = exact.search(queries, fetch)
    found = rerank_ties(store, queries, scores, rows, k)
    if fetch == exact.count:
        return found
    # More rows than were fetched may tie with the k-th.
    unsure = np.flatnonzero(scores[:, k - 1] - scores[:, -1] <= TIE_MARGIN)
    if not unsure.size:
        return found
    return found.replace(unsure, search_exactly(store, exact, queries[unsure], k, 4 * fetch))
