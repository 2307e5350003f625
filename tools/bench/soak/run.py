"""One run: this process searches as a web process does, others write, build and judge, and
spaces change on the way.
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
from tools.bench.soak import parts
from tools.bench.soak.answer_queue import Telling
from tools.bench.soak.dataset import SECOND_SPACE, Goods
from tools.bench.soak.load import Questions, Searcher
from tools.bench.soak.report import LifeReport, Rebuild, made_report
from tools.bench.soak.shared_flags import Marks
from tools.bench.soak.shop import spaces
from webapp.catalog.models import Tuning, TuningState
from webapp.retrieval.models_runtime import active_model

SPAWNING = multiprocessing.get_context("spawn")

SPARE_CONTENTS = 1_000
WARM_UP_S = 3.0
POLL_S = 0.2
START_LIMIT_S = 1_800.0
BUILD_LIMIT_S = 900.0
JUDGED_LIMIT_S = 300.0
FOLLOWED_WITHIN_S = 5.0
END_LIMIT_S = 10.0

REBUILDS_AT = (0.15, 0.4)
SWAP_AT = 0.65
"""When rebuilds and the swap of spaces begin, as shares of the run."""


@dataclass(frozen=True, slots=True)
class LifeSettings:
    """How long, over how many products, with how many changes a second and searching threads."""

    seconds: float = 600.0
    rows: int = 20_000
    changes: float = 8.0
    searchers: int = 2

    @property
    def contents(self) -> int:
        return self.rows + int(self.seconds * self.changes) + SPARE_CONTENTS


class Life:
    """Runs in the current installation, which must be empty."""

    def __init__(self, settings: LifeSettings, folder: Path) -> None:
        self._settings = settings
        self._goods = Goods(folder, settings.contents, spaces()[0].dim)
        self._journal = folder / "journal"
        self._filled, self._ended = SPAWNING.Event(), SPAWNING.Event()
        self._orders, self._built = SPAWNING.Queue(), SPAWNING.Queue()
        self._answers, self._verdict, self._seen = (
            SPAWNING.Queue(),
            SPAWNING.Queue(),
            SPAWNING.Queue(),
        )
        self._marks = Marks(SPAWNING)
        self._memory: list[int] = []
        self._rebuilds: list[Rebuild] = []
        self._processes: list[Any] = []

    def run(self) -> LifeReport:
        """Raises RuntimeError when a process of the run ends or a build takes too long."""
        self._goods.draw()
        with self._running():
            self._wait(self._filled.is_set, START_LIMIT_S)
            self._build("")
            visiting = SPAWNING.Event()
            told = (self._answers, self._seen, visiting, self._marks)
            self._start("visitor", parts.visit, self._goods, self._journal, *told)
            self._wait(visiting.is_set, START_LIMIT_S)
            telling, questions = Telling(self._answers), Questions.of(self._goods)
            searchers = [
                Searcher(questions, telling.tell, self._marks, seed)
                for seed in range(self._settings.searchers)
            ]
            for searcher in searchers:
                searcher.start()
            self._load()
            self._marks.stopping.set()
            for searcher in searchers:
                searcher.join()
            telling.end()
            visited, probes = self._answer(self._seen, JUDGED_LIMIT_S)
            verdict = self._answer(self._verdict, JUDGED_LIMIT_S)
        tallies = [visited, *(searcher.tally for searcher in searchers)]
        return made_report(
            self._settings.seconds, tallies, probes, verdict, self._rebuilds, self._memory
        )

    @contextmanager
    def _running(self) -> Iterator[None]:
        rows, changes = self._settings.rows, self._settings.changes
        self._journal.touch()
        self._start(
            "writer",
            parts.write,
            self._goods,
            self._journal,
            rows,
            changes,
            self._filled,
            self._ended,
        )
        self._start("builder", parts.build, self._orders, self._built)
        self._start("judge", parts.judge, self._goods, self._journal, self._answers, self._verdict)
        try:
            yield
        finally:
            self._marks.stopping.set()
            self._ended.set()
            self._orders.put(None)
            self._answers.cancel_join_thread()  # what nobody judges any more must not keep this process
            for process in self._processes:
                process.join(END_LIMIT_S)
                process.kill()
                process.join()

    def _start(self, name: str, target: Callable[..., None], *arguments: Any) -> None:
        process = SPAWNING.Process(target=target, args=arguments, name=name, daemon=True)
        process.start()
        self._processes.append(process)

    def _load(self) -> None:
        """The time in which everything happens at once."""
        self._rest(WARM_UP_S)
        began = time.monotonic()
        self._marks.counting.set()
        for share in REBUILDS_AT:
            self._rest(began + share * self._settings.seconds - time.monotonic())
            self._rebuilds.append(self._build(""))
        self._rest(began + SWAP_AT * self._settings.seconds - time.monotonic())
        rebuilt = self._build(SECOND_SPACE)
        if self._swap_spaces():
            self._rebuilds.append(rebuilt)
        self._rest(began + self._settings.seconds - time.monotonic())

    def _rest(self, seconds: float) -> None:
        self._waited(lambda: False, seconds)

    def _build(self, heads_digest: str) -> Rebuild:
        self._marks.rebuilding.set()
        began = time.monotonic()
        self._orders.put(heads_digest)
        found = self._answer(self._built, BUILD_LIMIT_S)
        self._marks.rebuilding.clear()
        return Rebuild(
            bool(heads_digest), found["number"], time.monotonic() - began, found["shapes"]
        )

    def _swap_spaces(self) -> bool:
        """One row decides which space is in use; every process follows it. Returns whether this
        one did.
        """
        own, second = spaces()
        Tuning.objects.create(
            preset=second.preset,
            base=own.fingerprint,
            state=TuningState.LIVE,
            heads_digest=SECOND_SPACE,
            space=second.fingerprint,
        )
        return self._waited(lambda: active_model().space == second, FOLLOWED_WITHIN_S)

    def _answer(self, answers: Any, limit_s: float) -> Any:
        self._wait(lambda: not answers.empty(), limit_s)
        try:
            return answers.get(timeout=1)
        except queue.Empty as error:
            raise RuntimeError("a process of the run said nothing") from error

    def _wait(self, until: Callable[[], bool], limit_s: float) -> None:
        if not self._waited(until, limit_s):
            raise RuntimeError(f"waited {limit_s:.0f} s in vain")

    def _waited(self, until: Callable[[], bool], limit_s: float) -> bool:
        """Poll; on the way, memory is sampled and the processes are looked after."""
        end = time.monotonic() + limit_s
        while not until():
            if time.monotonic() >= end:
                return False
            if dead := [process.name for process in self._processes if process.exitcode]:
                raise RuntimeError(f"{', '.join(dead)} ended")
            if self._marks.counting.is_set():
                used = psutil.Process().memory_info()
                self._memory.append(used.rss - used.shared)
            time.sleep(max(0.0, min(POLL_S, end - time.monotonic())))
        return True


def measure_life(settings: LifeSettings) -> LifeReport:
    """Raises RuntimeError when a process of the run ends."""
    folder = engine_settings().var_dir.resolve() / "life"
    folder.mkdir()
    return Life(settings, folder).run()
