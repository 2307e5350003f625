"""Vectors newer than the generation: flat arrays in memory, replaced product by product."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.types import Ids, Vectors, ViewBatch
from search.vectors.fp16 import Half
from search.vectors.row_filter import Mask
from search.vectors.scoring import TIE_MARGIN, Block, Scores, rounded

LEAST_CAPACITY = 64


@dataclass(frozen=True, eq=False)
class DeltaSegment:
    """An unchanging picture of the delta's views of one modality.

    Rows are appended behind what older pictures see, in arrays they share, and superseded rows
    are masked in a mask of their own. Only the newest picture may be replaced, by one writer at
    a time.
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

    def halves(self, rows: Ids | slice) -> Half:
        """The fp16 vectors of these rows, one more axis than `rows` has."""
        return self.rows[: self.used][rows].astype(np.float16)

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

    def search(
        self, queries: Vectors, k: int, allowed: Ids | None, least: Scores | None = None
    ) -> Block:
        """For each query (q, dim) its k best rows among the products `allowed` (ascending; all
        when None), with float32 scores, in no order and among a few more. Rows that score below
        `least` (q,) are not wanted.
        """
        eligible = self.live_rows if allowed is None else self.rows_of(allowed)
        if not (eligible.size and len(queries)):
            return Block.nothing(len(queries))
        # A product over all rows in one piece is faster than copying those that are eligible.
        scores = queries @ self.rows[: self.used].T
        if eligible.size < self.used:
            scores[:, np.setdiff1d(np.arange(self.used), eligible, assume_unique=True)] = -np.inf
        if least is not None and len(queries) == 1 and scores.max() < least[0] - TIE_MARGIN:
            return Block.nothing(1)
        lines, rows = np.nonzero(scores >= _cuts(scores, min(k, eligible.size), least) - TIE_MARGIN)
        return _block(scores, lines, rows)

    def replaced(self, product_ids: Ids, batches: Sequence[ViewBatch]) -> DeltaSegment:
        """A picture without the former views of these ascending products and with those of
        `batches`.
        """
        alive = self.alive.copy()
        alive[self.rows_of(product_ids)] = False
        masked = DeltaSegment(self.view_ids, self.product_ids, self.rows, alive, self.used)
        added = sum(len(batch) for batch in batches)
        return masked._with_room(added)._appended(batches)

    def _with_room(self, added: int) -> DeltaSegment:
        """Itself, or a copy of the live rows alone when the arrays are full or over half of the
        rows are dead.
        """
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


def _cuts(scores: Scores, k: int, least: Scores | None) -> Scores:
    """What a row must score, (q, 1): as much as the k-th best of its line, and `least`."""
    if least is not None and np.count_nonzero(scores >= least[:, np.newaxis]) <= k:
        return least[:, np.newaxis]
    kth: Scores = np.partition(scores, scores.shape[1] - k, axis=1)[:, -k, np.newaxis]
    return kth if least is None else np.maximum(kth, least[:, np.newaxis])


def _block(scores: Scores, lines: Ids, rows: Ids) -> Block:
    """The pairs of ascending `lines` (n,) and `rows` (n,), every line's beside each other."""
    counts = np.bincount(lines, minlength=len(scores))
    shape = len(scores), int(counts.max())
    block = Block(np.full(shape, -np.inf, np.float32), np.full(shape, -1, np.int64))
    places = np.arange(lines.size) - np.repeat(np.cumsum(counts) - counts, counts)
    block.rows[lines, places] = rows
    block.scores[lines, places] = scores[lines, rows]
    return block
