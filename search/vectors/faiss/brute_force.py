"""Scanning all eligible rows: exact, on the processor or on a GPU."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from search.types import Ids, Vectors
from search.vectors.fp16 import half_index
from search.vectors.row_filter import RowSet
from search.vectors.scoring import TIE_MARGIN, Block, Scores, settled
from search.vectors.store import RowStore

GATHERED_SHARE = 0.02
"""Below this share of eligible rows it is faster to copy them together than to pass over the
others."""

GATHERED_BYTES = 1 << 26
"""Most memory that rows copied beside each other for one scan may take."""


class Scan(Protocol):
    """`count` eligible rows, all of which a search passes over."""

    @property
    def count(self) -> int: ...

    def search(self, queries: Vectors, k: int) -> tuple[Scores, Ids]:
        """Descending float32 scores and row numbers of the k ≤ count best, shape (q, k) each."""


class StoreScan:
    """A flat FAISS index over eligible rows: the whole store's with a selector, or few rows
    copied together.
    """

    def __init__(self, store: RowStore, rows: RowSet) -> None:
        few = (
            rows.count <= GATHERED_SHARE * len(store)
            and rows.count * store.dim * 2 <= GATHERED_BYTES
        )
        self.count = rows.count
        self._numbers = rows.numbers if few else None
        self._gathered = store.halves(rows.numbers) if few else None
        self._index = store.flat if self._gathered is None else half_index(self._gathered)
        self._parameters = None if few or rows.is_all else rows.flat_parameters

    def search(self, queries: Vectors, k: int) -> tuple[Scores, Ids]:
        scores, found = self._index.search(queries, k, params=self._parameters)
        return scores, found if self._numbers is None else self._numbers[found]


def scanned(store: RowStore, scan: Scan, queries: Vectors, k: int, fetched: int) -> Block:
    """The k best rows of each query, best first, ties in order, from at least `fetched` that the
    scan found.
    """
    scores, found = scan.search(queries, fetched)
    block = settled(store, queries, scores, found, k)
    if fetched == scan.count:
        return block
    # More rows than were fetched may tie with the k-th.
    unsure = np.flatnonzero(scores[:, k - 1] - scores[:, -1] <= TIE_MARGIN)
    if not unsure.size:
        return block
    return block.replaced(
        unsure, scanned(store, scan, queries[unsure], k, min(4 * fetched, scan.count))
    )
