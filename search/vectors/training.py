"""Choose, train and tune the coarse index of a segment."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np

from search.machine import cores
from search.types import Vectors
from search.vectors.layout import open_durable
from search.vectors.scoring import Found, Rows, Scores, exact_scan
from search.vectors.segment import Segment, faiss_threads

RECALL_AT = 10
RECALL_TARGET = 0.95
RECALL_QUERIES = 200
REFINE_STEPS = (4, 8, 16)

POINTS_PER_CENTROID = 39
"""FAISS's own lower bound; with fewer points k-means centroids are noise."""

SAMPLE_PER_CENTROID = 64
CODE_CENTROIDS = 16

TRAINABLE = POINTS_PER_CENTROID * CODE_CENTROIDS
"""Views below which not even the smallest product quantiser can be trained."""

LEAST_GAIN = 0.002
LEAST_LADDER = 8

PARALLEL_FROM = 10_000
"""Views below which threads would wait for each other longer than they work."""

ADDED_ROWS = 1 << 15


@dataclass(frozen=True, slots=True)
class Recall:
    """Recall@10 reached with these search parameters on so many queries."""

    recall: float
    queries: int
    nprobe: int
    refine: int


def _threads_for(views: int) -> int:
    return cores() if views > PARALLEL_FROM else 1


def list_count(views: int) -> int:
    """4√n inverted lists, fewer where k-means would lack points."""
    return max(1, min(round(4 * math.sqrt(views)), views // POINTS_PER_CENTROID))


def factory_for(views: int, dim: int) -> str:
    """FAISS factory string: 4-bit fast-scan codes of two dimensions each (dim / 4 bytes a vector)."""
    pairs = dim // 2 if dim % 2 == 0 else dim
    return f"IVF{list_count(views)},PQ{pairs}x4fs"


def build_exact(store: Rows, dim: int) -> faiss.Index:
    """A flat index of fp16 vectors."""
    index = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    for block in _blocks(store):
        index.add(block)
    return index


def build_coarse(store: Rows, dim: int, factory: str) -> faiss.Index:
    """An inverted-list index trained on an even sample; row numbers are its ids."""
    index = faiss.index_factory(dim, factory, faiss.METRIC_INNER_PRODUCT)
    wanted = max(SAMPLE_PER_CENTROID * list_count(len(store)), TRAINABLE)
    sample = np.unique(np.linspace(0, len(store) - 1, min(wanted, len(store))).astype(np.int64))
    with faiss_threads(_threads_for(len(store))):
        index.train(store.vectors(sample))
        for block in _blocks(store):
            index.add(block)
    return index


def _blocks(store: Rows) -> Iterator[Vectors]:
    for start in range(0, len(store), ADDED_ROWS):
        yield store.vectors(slice(start, start + ADDED_ROWS))


def write_index(index: faiss.Index, path: Path) -> None:
    """Write through our own file: FAISS's writer closes without looking and misses a disk that is full at the end."""
    with open_durable(path) as file:
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))  # type: ignore[attr-defined]


def sample_queries(store: Rows, count: int = RECALL_QUERIES) -> Vectors:
    """Evenly spaced vectors of a segment, to be used as queries."""
    return store.vectors(np.unique(np.linspace(0, len(store) - 1, min(count, len(store))).astype(np.int64)))


def tune(segment: Segment, query_sets: Sequence[Vectors]) -> Recall:
    """The cheapest search parameters that reach the target recall on every query set, or the best there are.

    Queries of one modality lie elsewhere in the space than the views of another and are harder to answer, so each
    set is measured alone and the worst counts. A returned view is right when its score is at least that of the true
    k-th, so that ties do not count against the index.
    """
    k = min(RECALL_AT, len(segment))
    truths = [np.array([found.scores[-1] for found in exact_scan(segment.store, queries, k)]) for queries in query_sets]
    count = sum(map(len, query_sets))
    best = Recall(-1.0, count, 1, 1)
    for refine in REFINE_STEPS:
        for nprobe in _ladder(segment.manifest.lists):
            found = [segment.search(queries, k, segment.everything, nprobe, refine) for queries in query_sets]
            recall = min(_recall(answers, truth) for answers, truth in zip(found, truths, strict=True))
            gain = recall - best.recall
            if gain > 0:
                best = Recall(recall, count, nprobe, refine)
            if recall >= RECALL_TARGET:
                return best
            if nprobe > LEAST_LADDER and gain < LEAST_GAIN:
                break  # the codes are the limit, not the lists
    return best


def _recall(answers: list[Found], truth: Scores) -> float:
    return float(np.mean([np.mean(found.scores >= cut) for found, cut in zip(answers, truth, strict=True)]))


def _ladder(lists: int) -> list[int]:
    return [*(2**power for power in range(lists.bit_length()) if 2**power < lists), lists]
