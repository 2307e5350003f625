"""Scores and their order: whatever finds a candidate, its place among others is settled here, in
one way.

A score is the inner product of the query with the vector rounded to fp16. FAISS sums it in
float32, so its last digit depends on a row's place among its neighbours. Where two scores are
that close, both are summed in float64, which depends neither on where a row lies nor on what is
scored beside it: equal vectors tie exactly everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from search.types import Candidates, Ids, Modality, Vectors
from search.vectors.fp16 import Half
from search.vectors.row_filter import Mask

Scores = npt.NDArray[np.float32]

TIE_MARGIN = 1e-5
"""Float32 sums in a different order differ by less; rows this close to the cut-off are re-scored
before cutting."""

SPARE = 8
"""Rows fetched beyond k, so that ties around the k-th place can be ordered by view id."""

SCORED_AT_ONCE = 1 << 8
"""Rows turned from fp16 to float64 at a time, so that they stay in the processor's cache."""


class Rows(Protocol):
    """Row-indexed views with their vectors: a segment's store or the delta's."""

    @property
    def view_ids(self) -> Ids: ...

    @property
    def product_ids(self) -> Ids: ...

    def __len__(self) -> int: ...

    def halves(self, rows: Ids | slice) -> Half:
        """The stored fp16 vectors of these rows, one more axis than `rows` has."""

    def vectors(self, rows: Ids | slice) -> Vectors:
        """The same in float32."""


def rounded(vectors: Vectors) -> Vectors:
    """Float32 vectors as they will be once stored: rounded to fp16."""
    return vectors.astype(np.float16).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Block:
    """Scored rows of several queries, shape (q, m) each. A place without a row has score -inf
    and row -1.
    """

    scores: Scores
    rows: Ids

    @classmethod
    def nothing(cls, queries: int) -> Block:
        return cls(np.empty((queries, 0), np.float32), np.empty((queries, 0), np.int64))

    def lines(self, numbers: npt.NDArray[np.intp]) -> Block:
        """Those of some of the queries."""
        return Block(self.scores[numbers], self.rows[numbers])

    def replaced(self, lines: npt.NDArray[np.intp], other: Block) -> Block:
        """These lines taken from `other`, which holds no others."""
        width = max(self.rows.shape[1], other.rows.shape[1])
        scores, rows = self._widened(width)
        scores[lines], rows[lines] = other._widened(width)
        return Block(scores, rows)

    def _widened(self, width: int) -> tuple[Scores, Ids]:
        missing = ((0, 0), (0, width - self.rows.shape[1]))
        scores = np.pad(self.scores, missing, constant_values=-np.inf)
        return scores, np.pad(self.rows, missing, constant_values=-1)


def exact_scores(store: Rows, queries: Vectors, rows: Ids) -> Block:
    """Scores of `rows` (q, m) for `queries` (q, dim), float64 inside; rows of -1 score -inf."""
    scores = np.empty(rows.shape, np.float32)
    wide = queries.astype(np.float64)
    lines = max(1, SCORED_AT_ONCE // max(1, rows.shape[1]))
    for start in range(0, len(rows), lines):
        part = slice(start, start + lines)
        for at in range(0, rows.shape[1], SCORED_AT_ONCE):
            columns = slice(at, at + SCORED_AT_ONCE)
            stored = store.halves(rows[part, columns]).astype(np.float64)
            # einsum sums every row in the same order, wherever it lies; a matrix product does not.
            scores[part, columns] = np.einsum("qkd,qd->qk", stored, wide[part])
    scores[rows < 0] = -np.inf
    return Block(scores, rows)


def exact_line(store: Rows, query: Vectors, rows: Ids) -> Block:
    """Scores of `rows` (m,) for one query (dim,), as a block of one line."""
    return exact_scores(store, query[np.newaxis], rows[np.newaxis])


def settled(store: Rows, queries: Vectors, scores: Scores, rows: Ids, k: int) -> Block:
    """The k best of what FAISS found, (q, m) in descending order, ties by view and product id.

    Only lines with scores too close to call are summed again.
    """
    best = Block(scores[:, :k], rows[:, :k])
    compared = min(k, scores.shape[1] - 1)
    gaps = scores[:, :compared] - scores[:, 1 : compared + 1]
    if gaps.size and gaps.min() <= TIE_MARGIN:
        close = np.flatnonzero((gaps <= TIE_MARGIN).any(axis=1))
        exact = exact_scores(store, queries[close], rows[close])
        order = np.lexsort(
            (store.product_ids[exact.rows], store.view_ids[exact.rows], -exact.scores), axis=1
        )[:, :k]
        best.scores[close] = np.take_along_axis(exact.scores, order, 1)
        best.rows[close] = np.take_along_axis(exact.rows, order, 1)
    return best


@dataclass(frozen=True, slots=True)
class Scored:
    """Scored views of several queries with their ids, shape (q, m) each; places without a view
    have score -inf.
    """

    scores: Scores
    view_ids: Ids
    product_ids: Ids

    @classmethod
    def of(cls, store: Rows, block: Block) -> Scored:
        return cls(block.scores, store.view_ids[block.rows], store.product_ids[block.rows])

    @classmethod
    def beside(cls, parts: Sequence[Scored]) -> Scored:
        """Views of the same queries from several stores."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.scores for part in parts], axis=1),
            np.concatenate([part.view_ids for part in parts], axis=1),
            np.concatenate([part.product_ids for part in parts], axis=1),
        )

    def close(self, k: int) -> Mask:
        """The lines, shape (q,), that have scores around or above the k-th too close for float32
        to order.
        """
        best = -np.sort(-self.scores, axis=1)[:, : k + 1]
        # Places without a view come last and are close to nothing.
        unsure: Mask = (best[:, :-1] <= best[:, 1:] + TIE_MARGIN) & (best[:, 1:] > -np.inf)
        lines: Mask = np.asarray(unsure.any(axis=1))
        return lines

    def in_order(self, modality: Modality) -> list[Candidates]:
        """Of lines that are in order and hold a view at every place."""
        return [
            Candidates(modality, view_ids, product_ids, scores)
            for scores, view_ids, product_ids in zip(
                self.scores, self.view_ids, self.product_ids, strict=True
            )
        ]

    def best_first(self, modality: Modality, k: int | None = None) -> list[Candidates]:
        """By descending score, then ascending view and product id, cut to `k` and to places that
        hold a view.
        """
        return [self._line_in_order(line, modality, k) for line in range(len(self.scores))]

    def _line_in_order(self, line: int, modality: Modality, k: int | None) -> Candidates:
        scores, view_ids, product_ids = (
            self.scores[line],
            self.view_ids[line],
            self.product_ids[line],
        )
        order = np.lexsort((product_ids, view_ids, -scores))[:k]
        order = order[scores[order] > -np.inf]
        return Candidates(modality, view_ids[order], product_ids[order], scores[order])
