"""What a builder learns from the stream while it passes: counts, the background sample, and
exact answers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from search.types import Ids, Modality, Vectors, ViewBatch
from search.vectors.manifest import RECALL_AT
from search.vectors.scoring import Scores, rounded
from search.vectors.store import sample_rows

QUERIES = 64
"""Views of each modality used as queries where no questions are given."""

HELD_VIEWS = 4_096
"""Views held back at the start of the stream, so that queries are known before the first view is
counted."""


def held_back(batches: Iterable[ViewBatch]) -> tuple[list[ViewBatch], Iterator[ViewBatch]]:
    """The first batches, and all of them again."""
    stream = iter(batches)
    held: list[ViewBatch] = []
    while sum(map(len, held)) < HELD_VIEWS and (batch := next(stream, None)) is not None:
        held.append(batch)
    return held, itertools.chain(held, stream)


def sampled_queries(held: Sequence[ViewBatch]) -> dict[Modality, Vectors]:
    """Evenly spaced views of each modality that has any: any modality may be the query."""
    sets: dict[Modality, Vectors] = {}
    for modality in Modality:
        own = [batch.vectors for batch in held if batch.modality == modality and len(batch)]
        if own:
            vectors = np.concatenate(own)
            chosen = np.unique(
                np.linspace(0, len(vectors) - 1, min(QUERIES, len(vectors))).astype(np.int64)
            )
            sets[modality] = vectors[chosen]
    return sets


class Tally:
    """Of one modality. Memory holds the sample and the queries' best scores, however long the
    stream.
    """

    def __init__(self, modality: Modality, queries: Mapping[Modality, Vectors]) -> None:
        self.modality = modality
        self.views = 0
        self.products = 0
        self.queries = queries
        self.sample: Ids = np.empty(0, np.int64)
        self._sample_views: Ids = np.empty(0, np.int64)
        self._last_product = -1
        self._best: dict[Modality, Scores] = {
            asked: np.empty((len(vectors), 0), np.float32) for asked, vectors in queries.items()
        }

    def add(self, batch: ViewBatch, rows: Ids) -> None:
        """Count checked views; `rows` are their row numbers."""
        self.views += len(batch)
        # Rows of a product stand together in the stream: a product at a border is counted once.
        self.products += len(np.unique(batch.product_ids)) - int(
            batch.product_ids[0] == self._last_product
        )
        self._last_product = int(batch.product_ids[-1])
        self._add_to_sample(batch.view_ids, rows)
        vectors = rounded(batch.vectors)
        for asked, queries in self.queries.items():
            scores = np.concatenate([self._best[asked], queries @ vectors.T], axis=1)
            self._best[asked] = -np.sort(-scores, axis=1)[:, :RECALL_AT]

    def _add_to_sample(self, view_ids: Ids, rows: Ids) -> None:
        views, numbers = (
            np.concatenate([self._sample_views, view_ids]),
            np.concatenate([self.sample, rows]),
        )
        chosen = sample_rows(views)
        self._sample_views, self.sample = views[chosen], numbers[chosen]

    def truth(self, asked: Modality) -> Scores:
        """Of each query of this modality the k-th best score among all views, shape (q,)."""
        return self._best[asked][:, -1]


class Tallies:
    """One tally for each modality seen; numbers the rows across all of them."""

    def __init__(self, queries: Mapping[Modality, Vectors]) -> None:
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
