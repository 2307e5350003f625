"""Open a generation in a new process, and measure time, memory, latency and recall."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from search.types import Modality, ProductViews, ViewBatch
from search.vectors.faiss.reader import FaissIndexReader
from tools.bench.index.data import HELD_OUT, KINDS, Dataset, K, recall
from tools.bench.memory import measure_memory
from tools.bench.scaling.catalogue import product_ids, resolve_space
from tools.bench.timing import percentile_ms, seconds

CHANGES = 1_000
REFRESHES = 20
WARM_UP = 50

SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class ReadResult:
    """Figures of a reader.

    Times are in milliseconds, except for opening; memory is in bytes, without what the process had
    before opening. `refresh_ms` is the time to apply one change, `changes_ms` that of a thousand.
    """

    open_seconds: float
    own_memory: int
    mapped_memory: int
    p50_ms: dict[str, float]
    p99_ms: dict[str, float]
    recall: dict[str, float]
    refresh_ms: float
    changes_ms: float


def read_in_new_process(folder: Path, root: Path) -> ReadResult:
    """Measure in a process of its own."""
    with SPAWN.Pool(1) as pool:
        return pool.apply(measure_reading, (folder, root))


def measure_reading(folder: Path, root: Path) -> ReadResult:
    dataset = Dataset.open(folder)
    queries = {kind: dataset.queries(kind, HELD_OUT) for kind in KINDS}
    before = measure_memory()
    began = time.perf_counter()
    index = FaissIndexReader(root, resolve_space(dataset))
    opened = time.perf_counter() - began
    times = {kind: _search_one_by_one(index, queries[kind], kind) for kind in KINDS}
    used = measure_memory() - before
    rows_found = {kind: _rows(index, queries[kind], kind) for kind in KINDS}
    return ReadResult(
        open_seconds=opened,
        own_memory=used.private,
        mapped_memory=used.mapped,
        p50_ms={kind.value: percentile_ms(samples, 50) for kind, samples in times.items()},
        p99_ms={kind.value: percentile_ms(samples, 99) for kind, samples in times.items()},
        recall={
            kind.value: recall(rows, dataset.answers(kind, HELD_OUT))
            for kind, rows in rows_found.items()
        },
        **_refresh(index, dataset),
    )


def _search_one_by_one(index: FaissIndexReader, queries: np.ndarray, kind: Modality) -> list[float]:
    def search(query: np.ndarray) -> Callable[[], object]:
        return lambda: index.search(query, Modality.PICTURE, K, query_modality=kind)

    for query in queries[:WARM_UP]:
        search(query)()
    return [seconds(search(query)) for query in queries]


def _rows(index: FaissIndexReader, queries: np.ndarray, kind: Modality) -> np.ndarray:
    return np.stack(
        [
            answer.view_ids
            for answer in index.search(queries, Modality.PICTURE, K, query_modality=kind)
        ]
    )


def _refresh(index: FaissIndexReader, dataset: Dataset) -> dict[str, float]:
    """Time refreshes that replace products by the same views, so that answers do not change."""
    seq = index.seq
    products = min(CHANGES, dataset.spec.rows // 2)
    changes = [_change(dataset, 2 * at, seq + 1 + at) for at in range(products + REFRESHES)]
    at_once = seconds(lambda: index.refresh(changes[:products], seq + products))
    each = [seconds(partial(index.refresh, [change], change.seq)) for change in changes[products:]]
    return {"refresh_ms": 1000 * median(each), "changes_ms": 1000 * at_once}


def _change(dataset: Dataset, row: int, seq: int) -> ProductViews:
    rows = np.arange(row, row + 2) % dataset.spec.rows
    owners = product_ids(rows)
    batch = ViewBatch(Modality.PICTURE, rows, owners, dataset.stored[rows].astype(np.float32))
    return ProductViews(int(owners[0]), seq, (batch,))
