"""Build, tune and open each engine in turn; then time all of them in turn, round by round."""

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
from tools.bench.index.engines.base import Engine, EngineUnavailable
from tools.bench.index.engines.ours import Ours
from tools.bench.index.engines.registry import ENGINES
from tools.bench.index.figures import Comparison, EngineFigures, SkippedEngine
from tools.bench.index.filters import FilterResult
from tools.bench.index.session import THREADS, Built, Round, Served
from tools.bench.index.tuning import Tuned
from tools.bench.index.worker import EngineStopped, Worker
from tools.bench.timing import percentile_ms

Log = Callable[[str], None]

INSTALL = "pip install -r tools/requirements.txt"


@dataclass(frozen=True, slots=True)
class Effort:
    """Number of timing rounds, and time limit of one step of one engine."""

    rounds: int = 5
    limit_s: float = 1800.0


@dataclass
class EngineRun:
    """An engine that is open for queries, and its figures so far."""

    engine: type[Engine]
    worker: Worker
    built: Built
    tuned: Tuned
    served: Served
    rounds: list[Round] = field(default_factory=list)

    def figures(self, rows: int) -> EngineFigures:
        """Summarise the rounds: rates of the median round, percentiles over all single queries."""
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


class BenchmarkRun:
    """One comparison, in a folder that the caller removes afterwards."""

    def __init__(self, folder: Path, effort: Effort, log: Log) -> None:
        self._folder = folder
        self._effort = effort
        self._log = log
        self._skipped: list[SkippedEngine] = []

    def run(self, spec: Spec, keys: Sequence[str]) -> Comparison:
        """Measure these engines on vectors of this specification.

        1. Draw the vectors and find the exact answers.
        2. Start the fast engines, time them in rounds, and measure filtered search of ours.
        3. Measure each slow engine alone, so that it holds no memory while others are timed.
        """
        self._log(f"drawing {spec.rows:,} vectors of {spec.dim} and finding the exact answers")
        generate(self._folder / "data", spec)
        with contextlib.ExitStack() as workers:
            runs = self._start_engines([key for key in keys if not ENGINES[key].slow], workers)
            self._time(runs)
            filters = self._measure_filters(runs)
        for key in keys:
            if ENGINES[key].slow:
                runs += self._measure_alone(key)
        measured = [run.figures(spec.rows) for run in runs if run.rounds]
        return Comparison(spec, _cpu(), available_cores(), measured, self._skipped, filters)

    def _start_engines(self, keys: Sequence[str], workers: contextlib.ExitStack) -> list[EngineRun]:
        runs: list[EngineRun] = []
        for key in keys:
            with self._skip_on_failure(ENGINES[key]):
                runs.append(self._start_engine(key, workers))
        return runs

    def _measure_alone(self, key: str) -> list[EngineRun]:
        with contextlib.ExitStack() as worker:
            runs = self._start_engines([key], worker)
            self._round(runs)
        shutil.rmtree(self._folder / key, ignore_errors=True)
        return runs

    def _measure_filters(self, runs: Sequence[EngineRun]) -> list[FilterResult]:
        for run in runs:
            if run.engine is Ours:
                self._log("filtered search")
                with self._skip_on_failure(Ours):
                    results: list[FilterResult] = run.worker.call("measure_filters")
                    return results
        return []

    @contextlib.contextmanager
    def _skip_on_failure(self, engine: type[Engine]) -> Iterator[None]:
        """Skip an engine that is missing, fails or exceeds the time limit; record the reason."""
        try:
            yield
        except importlib.metadata.PackageNotFoundError:
            self._skip(SkippedEngine(engine.name, f"{engine.package} is not installed: {INSTALL}"))
        except (EngineStopped, EngineUnavailable) as error:
            self._skip(SkippedEngine(engine.name, str(error)))

    def _skip(self, skipped: SkippedEngine) -> None:
        self._skipped.append(skipped)
        self._log(f"{skipped.name}: skipped, {skipped.reason}")

    def _start_engine(self, key: str, workers: contextlib.ExitStack) -> EngineRun:
        engine = ENGINES[key]
        engine.version()
        folder = self._folder / key
        folder.mkdir()
        self._log(f"{engine.name}: building")
        with self._worker(key) as builder:
            built = builder.call("build")
        self._log(f"{engine.name}: built in {built.seconds:,.0f} s; tuning")
        with self._worker(key) as tuner:
            tuned = tuner.call("tune")
        worker = workers.enter_context(self._worker(key))
        served = worker.call("serve", tuned)
        setting, reached = tuned.setting or "no parameters", served.recall[Modality.TEXT]
        self._log(f"{engine.name}: {setting}, recall {reached:.3f}")
        return EngineRun(engine, worker, built, tuned, served)

    def _worker(self, key: str) -> Worker:
        return Worker(key, self._folder / "data", self._folder / key, self._effort.limit_s)

    def _time(self, runs: Sequence[EngineRun]) -> None:
        for number in range(self._effort.rounds):
            self._log(f"timing, round {number + 1} of {self._effort.rounds}")
            self._round(runs)

    def _round(self, runs: Sequence[EngineRun]) -> None:
        for run in runs:
            with self._skip_on_failure(run.engine):
                run.rounds.append(run.worker.call("round"))


def _cpu() -> str:
    match = re.search(
        r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE
    )
    return match[1] if match else "unknown processor"
