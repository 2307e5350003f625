"""One run: this process searches like a web process; others write, build, visit and judge.

During the run the index is rebuilt twice and the active space is switched once.
"""

from __future__ import annotations

import multiprocessing
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from search.config import engine_settings
from tools.bench.soak import processes
from tools.bench.soak.dataset import SECOND_SPACE, SoakDataset
from tools.bench.soak.load import IndexSearcher, QuerySet
from tools.bench.soak.report import Rebuild, SoakReport, build_report
from tools.bench.soak.shared_state import AnswerQueue, SharedFlags
from tools.bench.soak.shop import soak_spaces
from webapp.catalog.models import Tuning, TuningState
from webapp.retrieval.models_runtime import active_model

SPAWN = multiprocessing.get_context("spawn")

EXTRA_CONTENTS = 1_000
WARM_UP_S = 3.0
POLL_S = 0.2
START_LIMIT_S = 1_800.0
BUILD_LIMIT_S = 900.0
JUDGE_LIMIT_S = 300.0
SWITCH_LIMIT_S = 5.0
END_LIMIT_S = 10.0

REBUILDS_AT = (0.15, 0.4)
SWAP_AT = 0.65
"""Start of the rebuilds and of the switch of spaces, as shares of the run."""


@dataclass(frozen=True, slots=True)
class SoakSettings:
    """Duration, number of products, changes per second and number of searching threads."""

    seconds: float = 600.0
    rows: int = 20_000
    changes: float = 8.0
    searchers: int = 2

    @property
    def contents(self) -> int:
        return self.rows + int(self.seconds * self.changes) + EXTRA_CONTENTS


class SoakRun:
    """A run in the current installation, which must be empty."""

    def __init__(self, settings: SoakSettings, folder: Path) -> None:
        self._settings = settings
        self._dataset = SoakDataset(folder, settings.contents, soak_spaces()[0].dim)
        self._journal = folder / "journal"
        self._filled, self._ended = SPAWN.Event(), SPAWN.Event()
        self._orders, self._built = SPAWN.Queue(), SPAWN.Queue()
        self._answers, self._verdict, self._findings = (
            SPAWN.Queue(),
            SPAWN.Queue(),
            SPAWN.Queue(),
        )
        self._flags = SharedFlags(SPAWN)
        self._memory: list[int] = []
        self._rebuilds: list[Rebuild] = []
        self._processes: list[Any] = []

    def run(self) -> SoakReport:
        """Run the soak test.

        1. Draw the contents; start writer, builder and judge; build the first generation.
        2. Start the visitor and the searchers, and keep up the load.
        3. Stop all of them, and collect their figures and the verdict.

        Raises RuntimeError when a process of the run ends or a build takes too long.
        """
        self._dataset.draw()
        with self._running():
            self._wait(self._filled.is_set, START_LIMIT_S)
            self._build("")
            visiting = SPAWN.Event()
            arguments = (self._answers, self._findings, visiting, self._flags)
            self._start("visitor", processes.visit, self._dataset, self._journal, *arguments)
            self._wait(visiting.is_set, START_LIMIT_S)
            answer_queue, queries = AnswerQueue(self._answers), QuerySet.of(self._dataset)
            searchers = [
                IndexSearcher(queries, answer_queue.put, self._flags, seed)
                for seed in range(self._settings.searchers)
            ]
            for searcher in searchers:
                searcher.start()
            self._load()
            self._flags.stopping.set()
            for searcher in searchers:
                searcher.join()
            answer_queue.end()
            visited, results = self._answer(self._findings, JUDGE_LIMIT_S)
            verdict = self._answer(self._verdict, JUDGE_LIMIT_S)
        stats = [visited, *(searcher.stats for searcher in searchers)]
        return build_report(
            self._settings.seconds, stats, results, verdict, self._rebuilds, self._memory
        )

    @contextmanager
    def _running(self) -> Iterator[None]:
        rows, changes = self._settings.rows, self._settings.changes
        self._journal.touch()
        self._start(
            "writer",
            processes.write,
            self._dataset,
            self._journal,
            rows,
            changes,
            self._filled,
            self._ended,
        )
        self._start("builder", processes.build, self._orders, self._built)
        self._start(
            "judge", processes.judge, self._dataset, self._journal, self._answers, self._verdict
        )
        try:
            yield
        finally:
            self._flags.stopping.set()
            self._ended.set()
            self._orders.put(None)
            # Unread answers must not keep this process from ending.
            self._answers.cancel_join_thread()
            for process in self._processes:
                process.join(END_LIMIT_S)
                process.kill()
                process.join()

    def _start(self, name: str, target: Callable[..., None], *arguments: Any) -> None:
        process = SPAWN.Process(target=target, args=arguments, name=name, daemon=True)
        process.start()
        self._processes.append(process)

    def _load(self) -> None:
        """Keep up the load: rebuild twice, then build the second space and switch to it."""
        self._pause(WARM_UP_S)
        began = time.monotonic()
        self._flags.counting.set()
        for share in REBUILDS_AT:
            self._pause(began + share * self._settings.seconds - time.monotonic())
            self._rebuilds.append(self._build(""))
        self._pause(began + SWAP_AT * self._settings.seconds - time.monotonic())
        rebuilt = self._build(SECOND_SPACE)
        if self._swap_spaces():
            self._rebuilds.append(rebuilt)
        self._pause(began + self._settings.seconds - time.monotonic())

    def _pause(self, seconds: float) -> None:
        self._poll(lambda: False, seconds)

    def _build(self, heads_digest: str) -> Rebuild:
        self._flags.rebuilding.set()
        began = time.monotonic()
        self._orders.put(heads_digest)
        found = self._answer(self._built, BUILD_LIMIT_S)
        self._flags.rebuilding.clear()
        return Rebuild(
            bool(heads_digest), found["number"], time.monotonic() - began, found["index_types"]
        )

    def _swap_spaces(self) -> bool:
        """Activate the second space by one row; return whether this process switched to it."""
        own, second = soak_spaces()
        Tuning.objects.create(
            preset=second.preset,
            base=own.fingerprint,
            state=TuningState.LIVE,
            heads_digest=SECOND_SPACE,
            space=second.fingerprint,
        )
        return self._poll(lambda: active_model().space == second, SWITCH_LIMIT_S)

    def _answer(self, answers: Any, limit_s: float) -> Any:
        self._wait(lambda: not answers.empty(), limit_s)
        try:
            return answers.get(timeout=1)
        except queue.Empty as error:
            raise RuntimeError("a process of the run sent no answer") from error

    def _wait(self, until: Callable[[], bool], limit_s: float) -> None:
        if not self._poll(until, limit_s):
            raise RuntimeError(f"timed out after {limit_s:.0f} s")

    def _poll(self, until: Callable[[], bool], limit_s: float) -> bool:
        """Poll a condition; meanwhile sample the memory and check the processes."""
        end = time.monotonic() + limit_s
        while not until():
            if time.monotonic() >= end:
                return False
            if dead := [process.name for process in self._processes if process.exitcode]:
                raise RuntimeError(f"{', '.join(dead)} ended")
            if self._flags.counting.is_set():
                used = psutil.Process().memory_info()
                self._memory.append(used.rss - used.shared)
            time.sleep(max(0.0, min(POLL_S, end - time.monotonic())))
        return True


def run_soak(settings: SoakSettings) -> SoakReport:
    """Run the soak test; raise RuntimeError when a process of the run ends."""
    folder = engine_settings().var_dir.resolve() / "life"
    folder.mkdir()
    return SoakRun(settings, folder).run()
