"""What a builder learns while the stream passes: counts, the background sample, exact answers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from search.types import Ids, Modality, Vectors, ViewBatch
from search.vectors.manifest import RECALL_AT
from search.vectors.scoring import Scores, round_to_fp16
from search.vectors.store import sample_rows

SAMPLED_QUERIES = 64
"""Views of each modality used as queries where none are given."""

HOLDOUT_VIEWS = 4_096
"""Views held back at the start of the stream, so that queries are known before counting starts."""


def holdout_views(batches: Iterable[ViewBatch]) -> tuple[list[ViewBatch], Iterator[ViewBatch]]:
    """Return the first batches of a stream, and the whole stream again."""
    stream = iter(batches)
    held: list[ViewBatch] = []
    while sum(map(len, held)) < HOLDOUT_VIEWS and (batch := next(stream, None)) is not None:
        held.append(batch)
    return held, itertools.chain(held, stream)


def sample_queries(batches: Sequence[ViewBatch]) -> dict[Modality, Vectors]:
    """Return evenly spaced views of each modality that has any, to be used as queries."""
    queries: dict[Modality, Vectors] = {}
    for modality in Modality:
        own = [batch.vectors for batch in batches if batch.modality == modality and len(batch)]
        if own:
            vectors = np.concatenate(own)
            count = min(SAMPLED_QUERIES, len(vectors))
            chosen = np.unique(np.linspace(0, len(vectors) - 1, count).astype(np.int64))
            queries[modality] = vectors[chosen]
    return queries


class BuildStats:
    """Statistics of one modality.

    Memory holds the sample and the queries' best scores, however long the stream is.
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
            query_modality: np.empty((len(vectors), 0), np.float32)
            for query_modality, vectors in queries.items()
        }

    def add(self, batch: ViewBatch, rows: Ids) -> None:
        """Count checked views; `rows` are their row numbers."""
        self.views += len(batch)
        # The stream keeps a product's views together: count one at a batch border once.
        self.products += len(np.unique(batch.product_ids)) - int(
            batch.product_ids[0] == self._last_product
        )
        self._last_product = int(batch.product_ids[-1])
        self._add_to_sample(batch.view_ids, rows)
        vectors = round_to_fp16(batch.vectors)
        for query_modality, queries in self.queries.items():
            scores = np.concatenate([self._best[query_modality], queries @ vectors.T], axis=1)
            self._best[query_modality] = -np.sort(-scores, axis=1)[:, :RECALL_AT]

    def _add_to_sample(self, view_ids: Ids, rows: Ids) -> None:
        all_views = np.concatenate([self._sample_views, view_ids])
        all_rows = np.concatenate([self.sample, rows])
        chosen = sample_rows(all_views)
        self._sample_views, self.sample = all_views[chosen], all_rows[chosen]

    def kth_scores(self, query_modality: Modality) -> Scores:
        """Return the k-th best score among all views of each query of this modality, (q,)."""
        return self._best[query_modality][:, -1]


class StreamStats:
    """Statistics of each modality in the stream; numbers the rows across all of them."""

    def __init__(self, queries: Mapping[Modality, Vectors]) -> None:
        self._queries = queries
        self.by_modality: dict[Modality, BuildStats] = {}
        self.rows = 0

    def add(self, batch: ViewBatch) -> Ids:
        """Count a batch that has rows; return their row numbers."""
        rows: Ids = np.arange(self.rows, self.rows + len(batch), dtype=np.int64)
        self.rows += len(batch)
        stats = self.by_modality.setdefault(
            batch.modality, BuildStats(batch.modality, self._queries)
        )
        stats.add(batch, rows)
        return rows
