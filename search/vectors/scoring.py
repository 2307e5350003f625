"""Exact scores and their order. Whatever finds a candidate, its final score is computed here, in one way.

A score is the inner product of the query with the vector rounded to fp16, summed in float64: it depends neither on
where a row lies nor on how many rows are scored together, so equal vectors tie exactly in every segment and delta.
FAISS finds the candidates with float32 sums, whose last digit depends on a row's place among its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from search.types import Candidates, Ids, Modality, Vectors
from search.vectors.halves import Half

Scores = npt.NDArray[np.float32]

TIE_MARGIN = 1e-5
"""Float32 sums in a different order differ by less; rows this close to the cut-off are re-scored before cutting."""

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
    """Scored rows of several queries, shape (q, m) each. A place without a row has score -inf and row -1."""

    scores: Scores
    rows: Ids

    @classmethod
    def nothing(cls, queries: int) -> Block:
        return cls(np.empty((queries, 0), np.float32), np.empty((queries, 0), np.int64))

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


def pair_scores(store: Rows, queries: Vectors, lines: Ids, rows: Ids) -> Block:
    """Scores of rows (n,), each for the query whose number stands at its place in the ascending `lines` (n,)."""
    if not lines.size:
        return Block.nothing(len(queries))
    counts = np.bincount(lines, minlength=len(queries))
    block = Block(
        np.full((len(queries), counts.max()), -np.inf, np.float32),
        np.full((len(queries), counts.max()), -1, np.int64),
    )
    places = np.arange(lines.size) - np.repeat(np.cumsum(counts) - counts, counts)
    block.rows[lines, places] = rows
    for start in range(0, lines.size, SCORED_AT_ONCE):
        part = slice(start, start + SCORED_AT_ONCE)
        wide = queries[lines[part]].astype(np.float64)
        block.scores[lines[part], places[part]] = np.einsum(
            "nd,nd->n", store.halves(rows[part]).astype(np.float64), wide
        )
    return block


def settled(scores: Scores, k: int) -> npt.NDArray[np.bool_]:
    """Which lines of descending float32 scores (q, m) surely have their k best rows, ties included, among the m."""
    if scores.shape[1] <= k:
        return np.zeros(len(scores), np.bool_)
    clear: npt.NDArray[np.bool_] = scores[:, k - 1] - scores[:, -1] > TIE_MARGIN
    return clear


def contenders(scores: Scores, k: int) -> int:
    """How many leading columns of descending scores (q, m) could hold one of any line's k best rows."""
    if scores.shape[1] <= k:
        return int(scores.shape[1])
    close = scores[:, k:] >= scores[:, k - 1 : k] - TIE_MARGIN
    return k + int(np.count_nonzero(close.any(axis=0)))


@dataclass(frozen=True, slots=True)
class Scored:
    """Scored views of several queries with their ids, shape (q, m) each; places without a view have score -inf."""

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

    def best_first(self, modality: Modality, k: int | None = None) -> list[Candidates]:
        """By descending score, then ascending view and product id, cut to `k` and to places that hold a view."""
        if len(self.scores) == 1:
            return [self._only_line(modality, k)]
        lines = np.arange(len(self.scores))[:, np.newaxis]
        order = np.argsort(-self.scores, axis=1)
        scores = self.scores[lines, order]
        # Sorting by three keys takes several times as long, and few lines have ties.
        tied = (scores[:, 1:] == scores[:, :-1]) & (scores[:, 1:] > -np.inf)
        for line in np.flatnonzero(tied.any(axis=1)):
            order[line] = np.lexsort((self.product_ids[line], self.view_ids[line], -self.scores[line]))
        held = np.count_nonzero(scores[:, :k] > -np.inf, axis=1).tolist()
        view_ids, product_ids = self.view_ids[lines, order], self.product_ids[lines, order]
        return [
            Candidates(modality, view_ids[line, :count], product_ids[line, :count], scores[line, :count])
            for line, count in enumerate(held)
        ]

    def _only_line(self, modality: Modality, k: int | None) -> Candidates:
        """One query is the usual case, and arrays of one axis are several times as fast."""
        scores, view_ids, product_ids = self.scores[0], self.view_ids[0], self.product_ids[0]
        order = np.lexsort((product_ids, view_ids, -scores))[:k]
        order = order[scores[order] > -np.inf]
        return Candidates(modality, view_ids[order], product_ids[order], scores[order])
