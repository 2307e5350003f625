"""The query pipeline over one vector index: candidates, exact scores, normalisation, fusion."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from search.errors import QueryError
from search.ranking.fusion import MODALITY_WEIGHTS, ModalityWeights, QueryScores, fuse
from search.ranking.normalise import ScoreNormaliser
from search.types import Hit, Ids, Modality, StageTimings, Vectors
from search.vectors.contract import IndexReader

VIEWS_PER_PRODUCT = 3
"""First guess at how many views are needed to fill a window of products; it is doubled while
there are too few."""


@dataclass(frozen=True, slots=True)
class QueryVector:
    """A query's unit vector (dim,), its modality, and its weight in the product's score."""

    vector: Vectors
    modality: Modality
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Ranking:
    """Products best first, whether the window cut some off, and milliseconds per stage."""

    hits: tuple[Hit, ...]
    window_full: bool
    timings: StageTimings


class StageTimer:
    """Adds up milliseconds per named stage: `with timer("rank"): ...`."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Add the time that the block takes to `stage`, also where the block raises."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add({stage: (time.perf_counter() - started) * 1000})

    def add(self, stages: Mapping[str, float]) -> None:
        for stage, milliseconds in stages.items():
            self.stages[stage] = self.stages.get(stage, 0.0) + milliseconds


def rank(
    index: IndexReader,
    queries: Sequence[QueryVector],
    *,
    window: int,
    allowed: Ids | None = None,
    exclude: frozenset[int] = frozenset(),
    weights: ModalityWeights = MODALITY_WEIGHTS,
) -> Ranking:
    """Return the best `window` products for all query vectors together.

    `allowed` are the product ids that pass the filters, strictly ascending; `exclude` are
    products that are never returned. Raises QueryError without a query vector or for a window
    under 1.
    """
    if not queries:
        raise QueryError("nothing to search for", fix="Give words or a picture.")
    if window < 1:
        raise QueryError("the window must hold at least one product", value=window)
    timer = StageTimer()
    with timer("coarse"):
        products = retrieve_candidates(index, queries, window + len(exclude), allowed)
    with timer("score"):
        scores = [score_candidates(index, query, products) for query in queries]
    with timer("rank"):
        hits = [hit for hit in fuse(scores, weights) if hit.product_id not in exclude]
    return Ranking(tuple(hits[:window]), len(hits) > window, StageTimings(timer.stages))


def retrieve_candidates(
    index: IndexReader, queries: Sequence[QueryVector], window: int, allowed: Ids | None
) -> Ids:
    """Return the ids of products with a view among the best of any modality, ascending.

    Views are retrieved until every modality has given `window` products or has no more.
    """
    found = [
        _candidate_products(index, query, modality, window, allowed)
        for modality in indexed_modalities(index)
        for query in queries
    ]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


def indexed_modalities(index: IndexReader) -> list[Modality]:
    return [modality for modality in Modality if index.count(modality)]


def _candidate_products(
    index: IndexReader, query: QueryVector, modality: Modality, window: int, allowed: Ids | None
) -> Ids:
    k = window * VIEWS_PER_PRODUCT
    while True:
        [views] = index.search(query.vector, modality, k, allowed, query_modality=query.modality)
        products = np.unique(views.product_ids)
        if len(products) >= window or len(views.view_ids) < k:
            return products
        k *= 2


def score_candidates(index: IndexReader, query: QueryVector, products: Ids) -> QueryScores:
    """Return exact scores of every view of these products.

    So a product that was found by its words is also scored by its pictures.
    """
    candidates = tuple(index.score_products(query.vector, products))
    normalisers = {
        found.modality: ScoreNormaliser.fit(query.vector, index.background(found.modality))
        for found in candidates
    }
    return QueryScores(query.modality, query.weight, candidates, normalisers)
