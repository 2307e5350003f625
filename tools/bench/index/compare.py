"""Every engine in turn is built, tuned and opened afresh; then all are timed beside each other,
round after round.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from statistics import median

from search.cpu import available_cores
from search.types import Modality
from tools.bench.index.data import Spec, generate
from tools.bench.index.engines.base import CannotTakePart, Engine
from tools.bench.index.engines.catalogue import ENGINES
from tools.bench.index.engines.ours import Ours
from tools.bench.index.figures import Comparison, EngineFigures, Left
from tools.bench.index.filters import Filtered
from tools.bench.index.session import THREADS, Built, Round, Served
from tools.bench.index.tuning import Tuned
from tools.bench.index.worker import EngineStopped, Worker
from tools.bench.timing import percentile_ms

Tell = Callable[[str], None]

INSTALL = "pip install -r tools/requirements.txt"


@dataclass(frozen=True, slots=True)
class Effort:
    """Rounds of timing, and seconds that one step of one engine may take."""

    rounds: int = 5
    limit_s: float = 1800.0


@dataclass
class Entrant:
    """An engine that is open and answers."""

    engine: type[Engine]
    worker: Worker
    built: Built
    tuned: Tuned
    served: Served
    rounds: list[Round] = field(default_factory=list)

    def figures(self, rows: int) -> EngineFigures:
        """Rates at the median round; percentiles over all single queries."""
        single = list(chain.from_iterable(done.single for done in self.rounds))
        return EngineFigures(
            name=self.engine.name,
            version=self.engine.version(),
            licence=self.engine.licence,
            about=self.served.about,
            setting=self.tuned.setting,
            reached=self.tuned.reached,
            text_recall=self.served.recall[Modality.TEXT],
            picture_recall=self.served.recall[Modality.PICTURE],
            build_seconds=self.built.seconds,
            open_seconds=self.served.open_seconds,
            disk_bytes=self.built.bytes / rows,
            private_bytes=self.served.memory.private / rows,
            mapped_bytes=self.served.memory.mapped / rows,
            batch_qps={
                threads: median(done.batch[threads] for done in self.rounds) for threads in THREADS
            },
            single_qps=median(len(done.single) / sum(done.single) for done in self.rounds),
            p50_ms=percentile_ms(single, 50),
            p99_ms=percentile_ms(single, 99),
        )


class Contest:
    """One run in a folder that the caller removes afterwards."""

    def __init__(self, folder: Path, effort: Effort, tell: Tell) -> None:
        self._folder = folder
        self._effort = effort
        self._tell = tell
        self._left: list[Left] = []

    def run(self, spec: Spec, keys: Sequence[str]) -> Comparison:
        """Slow engines come when all others are timed and closed, and leave one by one: so
        nobody holds memory, or waits for long, while others have their turn.
        """
        self._tell(f"drawing {spec.rows:,} vectors of {spec.dim} and finding the exact answers")
        generate(self._folder / "data", spec)
        with contextlib.ExitStack() as workers:
            entrants = self._entered([key for key in keys if not ENGINES[key].slow], workers)
            self._time(entrants)
            filters = self._swept(entrants)
        for key in keys:
            if ENGINES[key].slow:
                entrants += self._alone(key)
        measured = [entrant.figures(spec.rows) for entrant in entrants if entrant.rounds]
        return Comparison(spec, _cpu(), available_cores(), measured, self._left, filters)

    def _entered(self, keys: Sequence[str], workers: contextlib.ExitStack) -> list[Entrant]:
        entrants: list[Entrant] = []
        for key in keys:
            with self._noting(ENGINES[key]):
                entrants.append(self._enter(key, workers))
        return entrants

    def _alone(self, key: str) -> list[Entrant]:
        with contextlib.ExitStack() as worker:
            entrants = self._entered([key], worker)
            self._round(entrants)
        shutil.rmtree(self._folder / key, ignore_errors=True)
        return entrants

    def _swept(self, entrants: Sequence[Entrant]) -> list[Filtered]:
        for entrant in entrants:
            if entrant.engine is Ours:
                self._tell("searching among a part of the products")
                with self._noting(Ours):
                    found: list[Filtered] = entrant.worker.ask("sweep")
                    return found
        return []

    @contextlib.contextmanager
    def _noting(self, engine: type[Engine]) -> Iterator[None]:
        """An engine that is missing, fails or takes too long is left out with the reason."""
        try:
            yield
        except importlib.metadata.PackageNotFoundError:
            self._leave(Left(engine.name, f"{engine.package} is not installed: {INSTALL}"))
        except (EngineStopped, CannotTakePart) as error:
            self._leave(Left(engine.name, str(error)))

    def _leave(self, left: Left) -> None:
        self._left.append(left)
        self._tell(f"{left.name}: left out, {left.reason}")

    def _enter(self, key: str, workers: contextlib.ExitStack) -> Entrant:
        engine = ENGINES[key]
        engine.version()
        folder = self._folder / key
        folder.mkdir()
        self._tell(f"{engine.name}: building")
        with self._worker(key) as builder:
            built = builder.ask("build")
        self._tell(f"{engine.name}: built in {built.seconds:,.0f} s; tuning")
        with self._worker(key) as tuner:
            tuned = tuner.ask("tune")
        worker = workers.enter_context(self._worker(key))
        served = worker.ask("serve", tuned)
        self._tell(
            f"{engine.name}: {tuned.setting or 'nothing to set'}, recall {served.recall[Modality.TEXT]:.3f}"
        )
        return Entrant(engine, worker, built, tuned, served)

    def _worker(self, key: str) -> Worker:
        return Worker(key, self._folder / "data", self._folder / key, self._effort.limit_s)

    def _time(self, entrants: Sequence[Entrant]) -> None:
        for number in range(self._effort.rounds):
            self._tell(f"timing, round {number + 1} of {self._effort.rounds}")
            self._round(entrants)

    def _round(self, entrants: Sequence[Entrant]) -> None:
        for entrant in entrants:
            with self._noting(entrant.engine):
                entrant.rounds.append(entrant.worker.ask("round"))


def _cpu() -> str:
    found = re.search(
        r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE
    )
    return found[1] if found else "unknown processor"
