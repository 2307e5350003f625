"""Train and fill the inverted lists of a segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import faiss
import numpy as np

from search.cpu import available_cores
from search.types import Ids
from search.vectors.faiss.library import use_threads
from search.vectors.index_types import (
    EIGHT_BIT_CENTROIDS,
    MIN_TRAINABLE_VIEWS,
    POINTS_PER_CENTROID,
    IndexPlan,
)
from search.vectors.store import RowStore

SAMPLE_PER_CENTROID = 64
FIT_SAMPLE = 4096

ROTATION_STEPS, FIRST_CODE_STEPS, ROTATION_SAMPLE = 10, 10, 1 << 14
"""Iterations of a rotation's training, first iterations of its codes', and most views: seconds of
work."""

MIN_PARALLEL_VIEWS = 10_000
"""With fewer views, threads would wait for each other longer than they work."""


@dataclass(frozen=True, slots=True)
class TrainedIndex:
    """Inverted lists without views.

    `trained_in` is the generation that trained them, `trained_fit` their fit then, see
    SegmentManifest.
    """

    index: faiss.Index
    trained_in: int
    trained_fit: float


def threads_for(views: int) -> int:
    """Return how many threads are worth using for so many views."""
    return available_cores() if views > MIN_PARALLEL_VIEWS else 1


def train(store: RowStore, plan: IndexPlan, generation: int) -> TrainedIndex:
    """Train centroids and codes on an evenly spaced sample."""
    index = faiss.index_factory(store.dim, plan.factory, faiss.METRIC_INNER_PRODUCT)
    code = shorten_rotation_training(index)
    wanted = max(
        SAMPLE_PER_CENTROID * plan.lists,
        MIN_TRAINABLE_VIEWS,
        POINTS_PER_CENTROID * EIGHT_BIT_CENTROIDS,
    )
    with use_threads(threads_for(len(store))):
        index.train(store.vectors(even_rows(len(store), wanted)))
        if code is not None:
            _rotation_of(index).pq = None
        return TrainedIndex(index, generation, measure_fit(index, store))


def shorten_rotation_training(index: faiss.Index) -> faiss.ProductQuantizer | None:
    """Make a rotation learn for the codes that follow it, in few iterations.

    FAISS would learn it for codes of eight bits, in 50 iterations, which takes minutes. Returns the
    codes, which must live until training ends; None where the index has no rotation.
    """
    if not isinstance(index, faiss.IndexPreTransform):
        return None
    rotation, codes = _rotation_of(index), cast(Any, faiss.downcast_index(index.index)).pq
    code = faiss.ProductQuantizer(index.d, codes.M, codes.nbits)
    rotation.pq, rotation.niter, rotation.niter_pq_0 = code, ROTATION_STEPS, FIRST_CODE_STEPS
    rotation.max_train_points = ROTATION_SAMPLE
    return code


def _rotation_of(index: faiss.Index) -> Any:
    # FAISS's type stubs declare its C++ vectors as lists.
    return faiss.downcast_VectorTransform(cast(Any, index).chain.at(0))


def fill(index: faiss.Index, store: RowStore) -> None:
    """Add every row; row numbers are the ids."""
    with use_threads(threads_for(len(store))):
        for block in store.read_blocks():
            index.add(block)


def measure_fit(index: faiss.Index, store: RowStore) -> float:
    """Return the mean inner product of sampled views with the centre of their list."""
    views = store.vectors(even_rows(len(store), FIT_SAMPLE))
    if isinstance(index, faiss.IndexPreTransform):
        views = _rotation_of(index).apply(views)
    scores, _ = faiss.extract_index_ivf(index).quantizer.search(views, 1)
    return float(np.mean(scores))


def even_rows(views: int, count: int) -> Ids:
    """Return up to `count` row numbers, evenly spaced, ascending."""
    rows: Ids = np.unique(np.linspace(0, views - 1, min(count, views)).astype(np.int64))
    return rows
