"""Vectors newer than the generation: flat arrays in memory, replaced product by product."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.types import Ids, Vectors, ViewBatch
from search.vectors.fp16 import Float16Array
from search.vectors.row_filter import Mask
from search.vectors.scoring import TIE_MARGIN, ScoredRows, Scores, round_to_fp16

MIN_CAPACITY = 64


@dataclass(frozen=True, eq=False)
class DeltaSegment:
    """An immutable snapshot of the delta's views of one modality.

    Snapshots share their arrays: new rows are appended behind what older snapshots see, and each
    snapshot masks superseded rows in a mask of its own. Only the newest snapshot may be changed, by
    one writer at a time.
    """

    view_ids: Ids
    product_ids: Ids
    rows: Vectors
    alive: Mask
    used: int

    @classmethod
    def empty(cls, dim: int, capacity: int = MIN_CAPACITY) -> DeltaSegment:
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

    def fp16_vectors(self, rows: Ids | slice) -> Float16Array:
        """Return the fp16 vectors of these rows, with one more axis than `rows`."""
        return self.rows[: self.used][rows].astype(np.float16)

    def vectors(self, rows: Ids | slice) -> Vectors:
        """Return the float32 vectors of these rows, shape (n, dim)."""
        return self.rows[: self.used][rows]

    def find_rows(self, product_ids: Ids) -> Ids:
        """Return the live rows, ascending, of these ascending products."""
        if not product_ids.size:
            return np.empty(0, np.int64)
        live = self.live_rows
        owners = self.product_ids[live]
        at = np.minimum(np.searchsorted(product_ids, owners), product_ids.size - 1)
        rows: Ids = live[product_ids[at] == owners]
        return rows

    def search(
        self, queries: Vectors, k: int, allowed: Ids | None, min_scores: Scores | None = None
    ) -> ScoredRows:
        """Return at least the k best rows for each query (q, dim), unordered, scored in float32.

        `allowed` are ascending product ids, None allows all. Rows that score below `min_scores`,
        shape (q,), may be left out.
        """
        eligible = self.live_rows if allowed is None else self.find_rows(allowed)
        if not (eligible.size and len(queries)):
            return ScoredRows.empty(len(queries))
        # One matrix product over all rows is faster than copying the eligible ones.
        scores = queries @ self.rows[: self.used].T
        if eligible.size < self.used:
            scores[:, np.setdiff1d(np.arange(self.used), eligible, assume_unique=True)] = -np.inf
        if (
            min_scores is not None
            and len(queries) == 1
            and scores.max() < min_scores[0] - TIE_MARGIN
        ):
            return ScoredRows.empty(1)
        cutoffs = _find_cutoffs(scores, min(k, eligible.size), min_scores)
        query_numbers, rows = np.nonzero(scores >= cutoffs - TIE_MARGIN)
        return _collect(scores, query_numbers, rows)

    def with_changes(self, product_ids: Ids, batches: Sequence[ViewBatch]) -> DeltaSegment:
        """Return a snapshot in which `batches` replace all views of these ascending products."""
        alive = self.alive.copy()
        alive[self.find_rows(product_ids)] = False
        changed = DeltaSegment(self.view_ids, self.product_ids, self.rows, alive, self.used)
        changed = changed._with_room_for(sum(len(batch) for batch in batches))
        for batch in batches:
            vectors = round_to_fp16(batch.vectors)
            changed = changed._append(batch.view_ids, batch.product_ids, vectors)
        return changed

    def _with_room_for(self, added: int) -> DeltaSegment:
        """Return itself, or a copy of the live rows when it is full or over half dead."""
        live = self.live_rows
        if self.used + added <= len(self.alive) and 2 * live.size >= self.used:
            return self
        grown = DeltaSegment.empty(self.rows.shape[1], max(MIN_CAPACITY, 2 * (live.size + added)))
        return grown._append(self.view_ids[live], self.product_ids[live], self.rows[live])

    def _append(self, view_ids: Ids, product_ids: Ids, vectors: Vectors) -> DeltaSegment:
        new = slice(self.used, self.used + len(view_ids))
        self.view_ids[new], self.product_ids[new], self.rows[new] = view_ids, product_ids, vectors
        self.alive[new] = True
        return DeltaSegment(self.view_ids, self.product_ids, self.rows, self.alive, new.stop)


def _find_cutoffs(scores: Scores, k: int, min_scores: Scores | None) -> Scores:
    """Return what a row must score, (q, 1): the k-th best of its query, at least `min_scores`."""
    if min_scores is not None and np.count_nonzero(scores >= min_scores[:, np.newaxis]) <= k:
        return min_scores[:, np.newaxis]
    kth: Scores = np.partition(scores, scores.shape[1] - k, axis=1)[:, -k, np.newaxis]
    return kth if min_scores is None else np.maximum(kth, min_scores[:, np.newaxis])


def _collect(scores: Scores, query_numbers: Ids, rows: Ids) -> ScoredRows:
    """Gather pairs of ascending `query_numbers` (n,) and `rows` (n,) into one line per query."""
    counts = np.bincount(query_numbers, minlength=len(scores))
    shape = len(scores), int(counts.max())
    found = ScoredRows(np.full(shape, -np.inf, np.float32), np.full(shape, -1, np.int64))
    places = np.arange(query_numbers.size) - np.repeat(np.cumsum(counts) - counts, counts)
    found.rows[query_numbers, places] = rows
    found.scores[query_numbers, places] = scores[query_numbers, rows]
    return found
