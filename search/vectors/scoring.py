"""Exact scores and their order. Whatever finds a candidate, its final score is computed here, in one way.

A score is the inner product of the query with the vector rounded to fp16, summed in float64: it depends neither on
where a row lies nor on how many rows are scored together, so equal vectors tie exactly in every segment and delta.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from search.types import Candidates, Ids, Modality, Vectors

Scores = npt.NDArray[np.float32]

TIE_MARGIN = 1e-5
"""Float32 sums in a different order differ by less; rows this close to the cut-off are re-scored before cutting."""

SCORE_CELLS = 1 << 25
"""Most (query, row) scores held at a time: 128 MiB."""

DECODED_ROWS = 1 << 13
"""Rows turned from fp16 to float32 at a time, so that they stay in the processor's cache."""


class Rows(Protocol):
    """Row-indexed views with their vectors: a segment's store or the delta's."""

    @property
    def view_ids(self) -> Ids: ...

    @property
    def product_ids(self) -> Ids: ...

    def __len__(self) -> int: ...

    def vectors(self, rows: Ids | slice) -> Vectors:
        """Float32 vectors of these rows, shape (n, dim)."""


def rounded(vectors: Vectors) -> Vectors:
    """Float32 vectors as they will be once stored: rounded to fp16."""
    return vectors.astype(np.float16).astype(np.float32)


def exact_scores(vectors: Vectors, query: Vectors) -> Scores:
    """Scores of `vectors` (n, dim) for one `query` (dim,), float64 inside, float32 out."""
    products: npt.NDArray[np.float64] = vectors.astype(np.float64) @ query.astype(np.float64)
    return products.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Found:
    """Scored views of one query, best first. Shapes (k,) each."""

    scores: Scores
    view_ids: Ids
    product_ids: Ids

    def candidates(self, modality: Modality) -> Candidates:
        return Candidates(modality, self.view_ids, self.product_ids, self.scores)


NOTHING = Found(np.empty(0, np.float32), np.empty(0, np.int64), np.empty(0, np.int64))


def best_first(parts: list[Found], k: int | None = None) -> Found:
    """Join, order by descending score, then ascending view and product id, and cut to `k`."""
    if not parts:
        return NOTHING
    scores = np.concatenate([part.scores for part in parts])
    view_ids = np.concatenate([part.view_ids for part in parts])
    product_ids = np.concatenate([part.product_ids for part in parts])
    order = np.lexsort((product_ids, view_ids, -scores))[:k]
    return Found(scores[order], view_ids[order], product_ids[order])


def rescore(store: Rows, query: Vectors, rows: Ids, k: int | None = None) -> Found:
    """Exact scores of `rows`, best first, cut to `k`."""
    vectors = store.vectors(rows)
    if k is not None and k < len(rows):
        kept = _cut_with_ties(vectors @ query, k)
        rows, vectors = rows[kept], vectors[kept]
    return best_first([Found(exact_scores(vectors, query), store.view_ids[rows], store.product_ids[rows])], k)


def _cut_with_ties(scores: Scores, k: int) -> npt.NDArray[np.intp]:
    """Positions of the k best and of everything that could tie with the last of them."""
    if k >= len(scores):
        return np.arange(len(scores))
    cut = np.partition(scores, len(scores) - k)[len(scores) - k]
    return np.flatnonzero(scores >= cut - TIE_MARGIN)


def exact_scan(store: Rows, queries: Vectors, k: int, rows: Ids | None = None) -> list[Found]:
    """Exact search among `rows` (all when None): one Found per query with min(k, rows) entries."""
    numbers = np.arange(len(store)) if rows is None else rows
    if not numbers.size:
        return [NOTHING] * len(queries)
    group = max(1, SCORE_CELLS // numbers.size)
    found: list[Found] = []
    for start in range(0, len(queries), group):
        block = queries[start : start + group]
        scores = np.empty((len(block), numbers.size), np.float32)
        for at in range(0, numbers.size, DECODED_ROWS):
            part = slice(at, at + DECODED_ROWS)
            scores[:, part] = block @ store.vectors(part if rows is None else numbers[part]).T
        found += [
            rescore(store, query, numbers[_cut_with_ties(line, k)], k)
            for query, line in zip(block, scores, strict=True)
        ]
    return found
