"""The steps of measuring one engine, in a process of its own."""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from search.types import Ids, Modality, Vectors
from tools.bench.index.data import HELD_OUT, TUNING, Dataset, K, recall
from tools.bench.index.engines.ours import Ours
from tools.bench.index.engines.registry import ENGINES
from tools.bench.index.filters import FilterResult, measure_filters
from tools.bench.index.measure import folder_bytes, limit_cores, time_repeatedly
from tools.bench.index.tuning import Tuned, tune
from tools.bench.memory import Memory, measure_memory
from tools.bench.timing import seconds

THREADS = (1, 2)
SLOW_QUERIES = 100
MIN_QUERIES = 20
MIN_BATCH_S, MAX_BATCH_S = 0.5, 8.0
"""Batches are repeated for at least the first, and made smaller if they take longer than the
second."""


@dataclass(frozen=True, slots=True)
class Built:
    """Build time, and bytes on disk."""

    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Served:
    """Recall of held-out queries by kind, with the tuned setting; time and memory of opening."""

    open_seconds: float
    recall: dict[Modality, float]
    memory: Memory
    about: str


@dataclass(frozen=True, slots=True)
class Round:
    """Queries per second of batches by threads, and seconds of single queries on one thread."""

    batch: dict[int, float]
    single: list[float]


class Session:
    """One process of an engine: the first builds it, the second tunes it, the third serves it."""

    def __init__(self, key: str, dataset: Path, folder: Path) -> None:
        self._dataset = Dataset.open(dataset)
        self._folder = folder
        self._engine = ENGINES[key](folder, self._dataset)
        importlib.import_module(self._engine.module)
        self._queries = SLOW_QUERIES if self._engine.slow else self._dataset.spec.queries
        self._timed = self._queries
        self._open = False

    def build(self) -> Built:
        return Built(seconds(self._engine.build), folder_bytes(self._folder))

    def tune(self) -> Tuned:
        self._open_engine()
        self._engine.use_threads(max(THREADS))
        return tune(self._engine, *self._load_queries(Modality.TEXT, TUNING))

    def serve(self, tuned: Tuned) -> Served:
        """Open the index, answer the held-out queries, and measure the memory."""
        sets = {
            kind: self._load_queries(kind, HELD_OUT) for kind in (Modality.TEXT, Modality.PICTURE)
        }
        affordable = int(MAX_BATCH_S / max(THREADS) / tuned.seconds_per_query)
        self._timed = min(self._queries, max(MIN_QUERIES, affordable))
        before = measure_memory()
        open_seconds = self._open_engine()
        self._engine.apply(tuned.setting)
        self._engine.use_threads(1)
        recalls = {
            kind: recall(self._engine.rows(self._engine.search(queries, K, kind), K), answers)
            for kind, (queries, answers) in sets.items()
        }
        return Served(open_seconds, recalls, measure_memory() - before, self._engine.about())

    def _open_engine(self) -> float:
        open_seconds = seconds(self._engine.open)
        self._open = True
        return open_seconds

    def _load_queries(self, kind: Modality, query_set: str) -> tuple[Vectors, Ids]:
        queries, answers = (
            self._dataset.queries(kind, query_set),
            self._dataset.answers(kind, query_set),
        )
        return queries[: self._queries], answers[: self._queries]

    def round(self) -> Round:
        """Time text-like queries in batches and one by one.

        All of them are answered once before, because the system may have evicted pages of the
        index while other engines were timed.
        """
        queries = self._dataset.queries(Modality.TEXT, HELD_OUT)[: self._timed]
        self._engine.use_threads(max(THREADS))
        self._seconds(queries)
        batch = {threads: self._batch(queries, threads) for threads in THREADS}
        self._engine.use_threads(1)
        with limit_cores(1):
            single = [self._seconds(queries[at : at + 1]) for at in range(len(queries))]
        return Round(batch, single)

    def _batch(self, queries: Vectors, threads: int) -> float:
        self._engine.use_threads(threads)
        with limit_cores(threads):
            return len(queries) / median(
                time_repeatedly(lambda: self._seconds(queries), MIN_BATCH_S)
            )

    def _seconds(self, queries: Vectors) -> float:
        began = time.perf_counter()
        self._engine.search(queries, K, Modality.TEXT)
        return time.perf_counter() - began

    def measure_filters(self) -> list[FilterResult]:
        """Measure filtered search; only our engine supports it."""
        return (
            measure_filters(self._engine, self._dataset) if isinstance(self._engine, Ours) else []
        )

    def close(self) -> None:
        if self._open:
            self._engine.close()
