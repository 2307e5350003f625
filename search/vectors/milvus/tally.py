"""What a builder learns from the stream while it passes: counts, the background sample, and exact answers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from search.types import Ids, Modality, Vectors, ViewBatch
from search.vectors.milvus.names import Names
from search.vectors.scoring import Scores, rounded
from search.vectors.store import sample_rows

RECALL_AT = 10
QUERIES = 64
"""Views of each modality used as queries."""

HELD_VIEWS = 4_096
"""Views held back at the start of the stream, so that queries are known before the first view is counted."""


def held_back(batches: Iterable[ViewBatch]) -> tuple[list[ViewBatch], Iterator[ViewBatch]]:
    """The first batches, and all of them again."""
    stream = iter(batches)
    held: list[ViewBatch] = []
    while sum(map(len, held)) < HELD_VIEWS and (batch := next(stream, None)) is not None:
        held.append(batch)
    return held, itertools.chain(held, stream)


def query_sets(held: Sequence[ViewBatch]) -> list[Vectors]:
    """Evenly spaced views of each modality that has any: any modality may be the query."""
    sets: list[Vectors] = []
    for modality in Modality:
        own = [batch.vectors for batch in held if batch.modality == modality and len(batch)]
        if own:
            vectors = np.concatenate(own)
            sets.append(vectors[np.unique(np.linspace(0, len(vectors) - 1, min(QUERIES, len(vectors))).astype(int))])
    return sets


class Tally:
    """Of one modality. Memory holds the sample and the queries' best scores, however long the stream."""

    def __init__(self, modality: Modality, queries: Sequence[Vectors]) -> None:
        self.modality = modality
        self.views = 0
        self.products = 0
        self.queries = queries
        self._best: list[Scores] = [np.empty((len(rows), 0), np.float32) for rows in queries]
        self._sample_views: Ids = np.empty(0, np.int64)
        self.sample: Ids = np.empty(0, np.int64)
        self._last_product = -1

    def add(self, batch: ViewBatch, rows: Ids) -> None:
        """Count checked views; `rows` are their row numbers."""
        self.views += len(batch)
        # Rows of a product stand together in the stream: a product at a border is counted once.
        self.products += len(np.unique(batch.product_ids)) - int(batch.product_ids[0] == self._last_product)
        self._last_product = int(batch.product_ids[-1])
        self._add_to_sample(batch.view_ids, rows)
        vectors = rounded(batch.vectors)
        for number, queries in enumerate(self.queries):
            scores = np.concatenate([self._best[number], queries @ vectors.T], axis=1)
            self._best[number] = -np.sort(-scores, axis=1)[:, :RECALL_AT]

    def _add_to_sample(self, view_ids: Ids, rows: Ids) -> None:
        views, numbers = np.concatenate([self._sample_views, view_ids]), np.concatenate([self.sample, rows])
        chosen = sample_rows(views)
        self._sample_views, self.sample = views[chosen], numbers[chosen]

    def truths(self) -> list[Scores]:
        """For each query set, the true k-th best score of each query, shape (q,)."""
        return [best[:, -1] for best in self._best]


class Tallies:
    """One tally for each modality seen; numbers the rows across all of them."""

    def __init__(self, names: Names, queries: Sequence[Vectors]) -> None:
        self._names = names
        self._queries = queries
        self.by_modality: dict[Modality, Tally] = {}
        self.rows = 0

    def add(self, batch: ViewBatch) -> Ids:
        """Count a batch that has rows. Returns their row numbers."""
        rows: Ids = np.arange(self.rows, self.rows + len(batch), dtype=np.int64)
        self.rows += len(batch)
        tally = self.by_modality.setdefault(batch.modality, Tally(batch.modality, self._queries))
        tally.add(batch, rows)
        return rows
