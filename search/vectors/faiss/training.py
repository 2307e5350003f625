"""Train and fill the inverted lists of a segment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import faiss
import numpy as np

from search.cpu import available_cores
from search.types import Ids
from search.vectors.faiss.segment import faiss_threads
from search.vectors.index_types import BYTE_CENTROIDS, POINTS_PER_CENTROID, TRAINABLE, Plan
from search.vectors.layout import open_durable
from search.vectors.store import RowStore

SAMPLE_PER_CENTROID = 64
FIT_SAMPLE = 4096

TURNING = (10, 10, 1 << 14)
"""Steps of a rotation's training, first steps of its codes', and views: a few seconds of work."""

PARALLEL_FROM = 10_000
"""Views below which threads would wait for each other longer than they work."""


@dataclass(frozen=True, slots=True)
class Trained:
    """Lists without views, where their centres came from, and how well those fitted then (see
    SegmentManifest).
    """

    index: faiss.Index
    trained_in: int
    trained_fit: float


def threads_for(views: int) -> int:
    """Threads that training and filling so many views pays for."""
    return available_cores() if views > PARALLEL_FROM else 1


def train(store: RowStore, plan: Plan, generation: int) -> Trained:
    """Centres and codes learnt from an even sample."""
    index = faiss.index_factory(store.dim, plan.factory, faiss.METRIC_INNER_PRODUCT)
    code = shorten_rotation_training(index)
    wanted = max(SAMPLE_PER_CENTROID * plan.lists, TRAINABLE, POINTS_PER_CENTROID * BYTE_CENTROIDS)
    with faiss_threads(threads_for(len(store))):
        index.train(store.vectors(even_rows(len(store), wanted)))
        if code is not None:
            _rotation(index).pq = None
        return Trained(index, generation, fit_of(index, store))


def shorten_rotation_training(index: faiss.Index) -> faiss.ProductQuantizer | None:
    """Let a rotation be learned for the codes that follow it, in few steps. FAISS would learn it
    for codes of eight bits, in 50 steps, which takes minutes. Gives the codes, which must live
    while it learns.
    """
    if not isinstance(index, faiss.IndexPreTransform):
        return None
    rotation, codes = _rotation(index), cast(Any, faiss.downcast_index(index.index)).pq
    code = faiss.ProductQuantizer(index.d, codes.M, codes.nbits)
    rotation.pq, rotation.niter, rotation.niter_pq_0, rotation.max_train_points = code, *TURNING
    return code


def _rotation(index: faiss.Index) -> Any:
    """The one before lists of vectors that are turned."""
    # FAISS's type stubs take its C++ vectors for lists.
    return faiss.downcast_VectorTransform(cast(Any, index).chain.at(0))


def fill(index: faiss.Index, store: RowStore) -> None:
    """Add every row; row numbers are its ids."""
    with faiss_threads(threads_for(len(store))):
        for block in store.blocks():
            index.add(block)


def fit_of(index: faiss.Index, store: RowStore) -> float:
    """Mean inner product of sampled views with the centre of their list."""
    views = store.vectors(even_rows(len(store), FIT_SAMPLE))
    if isinstance(index, faiss.IndexPreTransform):
        views = _rotation(index).apply(views)
    scores, _ = faiss.extract_index_ivf(index).quantizer.search(views, 1)
    return float(np.mean(scores))


def even_rows(views: int, count: int) -> Ids:
    """Up to `count` row numbers, evenly spaced, ascending."""
    rows: Ids = np.unique(np.linspace(0, views - 1, min(count, views)).astype(np.int64))
    return rows


def write_index(index: faiss.Index, path: Path) -> None:
    """Write through our own file: FAISS's writer closes without looking and misses a disk that
    is full at the end.
    """
    with open_durable(path) as file:
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))  # type: ignore[attr-defined]
