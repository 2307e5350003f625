"""Vectors newer than the generation: flat arrays in memory, replaced product by product."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.types import Ids, Vectors, ViewBatch
from search.vectors.rows import Mask
from search.vectors.scoring import Found, exact_scan, rounded

LEAST_CAPACITY = 64


@dataclass(frozen=True, eq=False)
class DeltaSegment:
    """An unchanging picture of the delta's views of one modality.

    Rows are appended behind what older pictures see, in arrays they share, and superseded rows are masked in a mask
    of their own. Only the newest picture may be replaced, by one writer at a time.
    """

    view_ids: Ids
    product_ids: Ids
    rows: Vectors
    alive: Mask
    used: int

    @classmethod
    def empty(cls, dim: int, capacity: int = LEAST_CAPACITY) -> DeltaSegment:
        return cls(
            np.empty(capacity, np.int64),
            np.empty(capacity, np.int64),
            np.empty((capacity, dim), np.float32),
            np.zeros(capacity, np.bool_),
            0,
        )

    def __len__(self) -> int:
        return self.used

    @functools.cached_property
    def live_rows(self) -> Ids:
        """Rows that are not superseded, ascending."""
        return np.flatnonzero(self.alive)

    def vectors(self, rows: Ids | slice) -> Vectors:
        """Float32 vectors of these rows, shape (n, dim)."""
        return self.rows[: self.used][rows]

    def rows_of(self, product_ids: Ids) -> Ids:
        """Rows, ascending, of the views of these ascending products that are not superseded."""
        if not product_ids.size:
            return np.empty(0, np.int64)
        live = self.live_rows
        owners = self.product_ids[live]
        at = np.minimum(np.searchsorted(product_ids, owners), product_ids.size - 1)
        found: Ids = live[product_ids[at] == owners]
        return found

    def search(self, queries: Vectors, k: int, allowed: Ids | None) -> list[Found]:
        """Exact search among the products `allowed` (ascending; all when None)."""
        return exact_scan(self, queries, k, self.live_rows if allowed is None else self.rows_of(allowed))

    def replaced(self, product_ids: Ids, batches: Sequence[ViewBatch]) -> DeltaSegment:
        """A picture without the former views of these ascending products and with those of `batches`."""
        alive = self.alive.copy()
        alive[self.rows_of(product_ids)] = False
        masked = DeltaSegment(self.view_ids, self.product_ids, self.rows, alive, self.used)
        added = sum(len(batch) for batch in batches)
        return masked._with_room(added)._appended(batches)

    def _with_room(self, added: int) -> DeltaSegment:
        """Itself, or a copy of the live rows alone when the arrays are full or over half of the rows are dead."""
        live = self.live_rows
        if self.used + added <= len(self.alive) and 2 * live.size >= self.used:
            return self
        grown = DeltaSegment.empty(self.rows.shape[1], max(LEAST_CAPACITY, 2 * (live.size + added)))
        return grown._filled(self.view_ids[live], self.product_ids[live], self.rows[live])

    def _appended(self, batches: Sequence[ViewBatch]) -> DeltaSegment:
        grown = self
        for batch in batches:
            grown = grown._filled(batch.view_ids, batch.product_ids, rounded(batch.vectors))
        return grown

    def _filled(self, view_ids: Ids, product_ids: Ids, vectors: Vectors) -> DeltaSegment:
        new = slice(self.used, self.used + len(view_ids))
        self.view_ids[new], self.product_ids[new], self.rows[new] = view_ids, product_ids, vectors
        self.alive[new] = True
        return DeltaSegment(self.view_ids, self.product_ids, self.rows, self.alive, new.stop)
