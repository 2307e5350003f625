"""What is done with one engine, inside a process of its own."""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from search.types import Ids, Modality, Vectors
from tools.bench.index.data import HELD, TUNED, Dataset, K, recall
from tools.bench.index.engines.catalogue import ENGINES
from tools.bench.index.engines.ours import Ours
from tools.bench.index.filters import Filtered, sweep
from tools.bench.index.measure import Memory, folder_bytes, limited_to, memory, times_of
from tools.bench.index.tuning import Tuned, tune
from tools.bench.timing import seconds

THREADS = (1, 2)
SLOW_QUERIES = 100
LEAST_QUERIES = 20
LEAST_S, MOST_S = 0.5, 8.0
"""Batches are repeated for the one, and hold fewer queries where they would take longer than the
other."""


@dataclass(frozen=True, slots=True)
class Built:
    """Seconds to build, and the bytes that lie on disk then."""

    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Served:
    """Recall of held-out queries by kind, with the setting tuned on text-like ones, and what it
    took to get there.
    """

    open_seconds: float
    recall: dict[Modality, float]
    memory: Memory
    about: str


@dataclass(frozen=True, slots=True)
class Round:
    """Queries per second in batches, by threads, and the seconds of single queries on one
    thread.
    """

    batch: dict[int, float]
    single: list[float]


class Session:
    """An engine is built in one such process, tuned in a second, and opened afresh and measured
    in a third.
    """

    def __init__(self, key: str, dataset: Path, folder: Path) -> None:
        self._dataset = Dataset.open(dataset)
        self._folder = folder
        self._engine = ENGINES[key](folder, self._dataset)
        importlib.import_module(self._engine.module)
        self._queries = SLOW_QUERIES if self._engine.slow else self._dataset.spec.queries
        self._timed = self._queries
        self._open = False

    def build(self) -> Built:
        taken = seconds(self._engine.build)
        return Built(taken, folder_bytes(self._folder))

    def tune(self) -> Tuned:
        self._opening()
        self._engine.use_threads(max(THREADS))
        return tune(self._engine, *self._asked(Modality.TEXT, TUNED))

    def serve(self, tuned: Tuned) -> Served:
        """Open afresh, answer the held-out queries, and look how much memory that took."""
        sets = {kind: self._asked(kind, HELD) for kind in (Modality.TEXT, Modality.PICTURE)}
        affordable = int(MOST_S / max(THREADS) / tuned.seconds_a_query)
        self._timed = min(self._queries, max(LEAST_QUERIES, affordable))
        before = memory()
        open_seconds = self._opening()
        self._engine.apply(tuned.setting)
        self._engine.use_threads(1)
        found = {
            kind: recall(self._engine.rows(self._engine.search(queries, K, kind), K), answers)
            for kind, (queries, answers) in sets.items()
        }
        return Served(open_seconds, found, memory() - before, self._engine.about())

    def _opening(self) -> float:
        taken = seconds(self._engine.open)
        self._open = True
        return taken

    def _asked(self, kind: Modality, half: str) -> tuple[Vectors, Ids]:
        queries, answers = self._dataset.queries(kind, half), self._dataset.answers(kind, half)
        return queries[: self._queries], answers[: self._queries]

    def round(self) -> Round:
        """Text-like queries in batches and one by one, after answering all of them once: a
        system that takes back pages that were not used while others had their turn must not be
        measured as the engine's own speed.
        """
        queries = self._dataset.queries(Modality.TEXT, HELD)[: self._timed]
        self._engine.use_threads(max(THREADS))
        self._seconds(queries)
        batch = {threads: self._batch(queries, threads) for threads in THREADS}
        self._engine.use_threads(1)
        with limited_to(1):
            single = [self._seconds(queries[at : at + 1]) for at in range(len(queries))]
        return Round(batch, single)

    def _batch(self, queries: Vectors, threads: int) -> float:
        self._engine.use_threads(threads)
        with limited_to(threads):
            return len(queries) / median(times_of(lambda: self._seconds(queries), LEAST_S))

    def _seconds(self, queries: Vectors) -> float:
        began = time.perf_counter()
        self._engine.search(queries, K, Modality.TEXT)
        return time.perf_counter() - began

    def sweep(self) -> list[Filtered]:
        """Of our engine alone."""
        return sweep(self._engine, self._dataset) if isinstance(self._engine, Ours) else []

    def close(self) -> None:
        if self._open:
            self._engine.close()
