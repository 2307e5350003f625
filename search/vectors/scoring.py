"""Final scores and their order, computed in one way whatever finds the candidates.

A score is the inner product of the query with the vector rounded to fp16. FAISS sums it in float32,
so its last digit depends on the row's position. Where two scores are that close, both are summed in
float64, which depends neither on the row's position nor on what is scored with it: equal vectors
tie exactly everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from search.types import Candidates, Ids, Modality, Vectors
from search.vectors.fp16 import Float16Array
from search.vectors.row_filter import Mask

Scores = npt.NDArray[np.float32]
QueryNumbers = npt.NDArray[np.intp]

TIE_MARGIN = 1e-5
"""Scores that differ by no more count as a tie: float32 sums in another order differ by less."""

OVERFETCH = 8
"""Rows fetched beyond k, so that ties around the k-th place can be ordered by view id."""

SCORING_BATCH_SIZE = 1 << 8
"""Rows converted from fp16 to float64 at a time, so that they stay in the processor's cache."""


class RowSource(Protocol):
    """Row-indexed views with their vectors: a segment's store, the delta, or fetched rows."""

    @property
    def view_ids(self) -> Ids: ...

    @property
    def product_ids(self) -> Ids: ...

    def __len__(self) -> int: ...

    def fp16_vectors(self, rows: Ids | slice) -> Float16Array:
        """Return the stored fp16 vectors of these rows, with one more axis than `rows`."""

    def vectors(self, rows: Ids | slice) -> Vectors:
        """Return the same in float32."""


def round_to_fp16(vectors: Vectors) -> Vectors:
    """Return float32 vectors with the precision that storing them leaves."""
    return vectors.astype(np.float16).astype(np.float32)


def empty_candidates(modality: Modality) -> Candidates:
    return Candidates(
        modality, np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    )


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """Scored rows of q queries, shape (q, m) each. A place without a row has score -inf, row -1."""

    scores: Scores
    rows: Ids

    @classmethod
    def empty(cls, queries: int) -> ScoredRows:
        return cls(np.empty((queries, 0), np.float32), np.empty((queries, 0), np.int64))

    def select(self, queries: QueryNumbers) -> ScoredRows:
        """Return the rows of these queries alone."""
        return ScoredRows(self.scores[queries], self.rows[queries])

    def replace(self, queries: QueryNumbers, other: ScoredRows) -> ScoredRows:
        """Return a copy with the rows of these queries taken from `other`, which has no others."""
        width = max(self.rows.shape[1], other.rows.shape[1])
        scores, rows = self._pad(width)
        scores[queries], rows[queries] = other._pad(width)
        return ScoredRows(scores, rows)

    def _pad(self, width: int) -> tuple[Scores, Ids]:
        missing = ((0, 0), (0, width - self.rows.shape[1]))
        scores = np.pad(self.scores, missing, constant_values=-np.inf)
        return scores, np.pad(self.rows, missing, constant_values=-1)


def score_exactly(source: RowSource, queries: Vectors, rows: Ids) -> ScoredRows:
    """Score `rows` (q, m) for `queries` (q, dim), summed in float64; rows of -1 score -inf."""
    scores = np.empty(rows.shape, np.float32)
    wide = queries.astype(np.float64)
    step = max(1, SCORING_BATCH_SIZE // max(1, rows.shape[1]))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        for at in range(0, rows.shape[1], SCORING_BATCH_SIZE):
            columns = slice(at, at + SCORING_BATCH_SIZE)
            stored = source.fp16_vectors(rows[part, columns]).astype(np.float64)
            # einsum sums every row in the same order; a matrix product does not.
            scores[part, columns] = np.einsum("qkd,qd->qk", stored, wide[part])
    scores[rows < 0] = -np.inf
    return ScoredRows(scores, rows)


def score_one_query(source: RowSource, query: Vectors, rows: Ids) -> ScoredRows:
    """Score `rows` (m,) for one query (dim,); the result has shape (1, m)."""
    return score_exactly(source, query[np.newaxis], rows[np.newaxis])


def rerank_ties(
    source: RowSource, queries: Vectors, scores: Scores, rows: Ids, k: int
) -> ScoredRows:
    """Return the k best of what FAISS found, ties ordered by view id and product id.

    `scores` and `rows` have shape (q, m), in descending order. Only queries with scores closer than
    TIE_MARGIN are summed again. The arrays may be changed in place.
    """
    best = ScoredRows(scores[:, :k], rows[:, :k])
    compared = min(k, scores.shape[1] - 1)
    gaps = scores[:, :compared] - scores[:, 1 : compared + 1]
    if gaps.size and gaps.min() <= TIE_MARGIN:
        close = np.flatnonzero((gaps <= TIE_MARGIN).any(axis=1))
        exact = score_exactly(source, queries[close], rows[close])
        order = np.lexsort(
            (source.product_ids[exact.rows], source.view_ids[exact.rows], -exact.scores), axis=1
        )[:, :k]
        best.scores[close] = np.take_along_axis(exact.scores, order, 1)
        best.rows[close] = np.take_along_axis(exact.rows, order, 1)
    return best


@dataclass(frozen=True, slots=True)
class ScoredViews:
    """Scored views of q queries with their ids, shape (q, m) each; empty places score -inf."""

    scores: Scores
    view_ids: Ids
    product_ids: Ids

    @classmethod
    def from_rows(cls, source: RowSource, scored: ScoredRows) -> ScoredViews:
        return cls(scored.scores, source.view_ids[scored.rows], source.product_ids[scored.rows])

    @classmethod
    def concatenate(cls, parts: Sequence[ScoredViews]) -> ScoredViews:
        """Join views that several sources gave for the same queries."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.scores for part in parts], axis=1),
            np.concatenate([part.view_ids for part in parts], axis=1),
            np.concatenate([part.product_ids for part in parts], axis=1),
        )

    def find_close_scores(self, k: int) -> Mask:
        """Return, shape (q,), which queries have scores down to the k-th within TIE_MARGIN."""
        best = -np.sort(-self.scores, axis=1)[:, : k + 1]
        # Empty places come last and are close to nothing.
        close: Mask = (best[:, :-1] <= best[:, 1:] + TIE_MARGIN) & (best[:, 1:] > -np.inf)
        queries: Mask = np.asarray(close.any(axis=1))
        return queries

    def to_candidates(self, modality: Modality) -> list[Candidates]:
        """Convert views that are in order and have no empty place: one Candidates per query."""
        return [
            Candidates(modality, view_ids, product_ids, scores)
            for scores, view_ids, product_ids in zip(
                self.scores, self.view_ids, self.product_ids, strict=True
            )
        ]

    def sort_to_candidates(self, modality: Modality, k: int | None = None) -> list[Candidates]:
        """Sort by descending score, view id and product id; cut to `k` and drop empty places."""
        return [self._sort_query(query, modality, k) for query in range(len(self.scores))]

    def _sort_query(self, query: int, modality: Modality, k: int | None) -> Candidates:
        scores, view_ids, product_ids = (
            self.scores[query],
            self.view_ids[query],
            self.product_ids[query],
        )
        order = np.lexsort((product_ids, view_ids, -scores))[:k]
        order = order[scores[order] > -np.inf]
        return Candidates(modality, view_ids[order], product_ids[order], scores[order])
