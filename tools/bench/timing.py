"""Time several implementations in turn, so that other load slows all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median, quantiles

Run = Callable[[], object]


def time_interleaved(runs: Mapping[str, Run], repetitions: int) -> dict[str, list[float]]:
    """Return the seconds of every repetition by name, after one warm-up run of each."""
    for run in runs.values():
        run()
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repetitions):
        for name, run in runs.items():
            taken[name].append(seconds(run))
    return taken


def seconds(run: Run) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def rates(taken: Mapping[str, list[float]], size: int) -> dict[str, float]:
    """Return the items per second of the median repetition by name; a run has `size` items."""
    return {name: size / median(times) for name, times in taken.items()}


def percentile_ms(times: list[float], percent: int) -> float:
    """Return a percentile of times in seconds, in milliseconds."""
    return 1000 * quantiles(times, n=100, method="inclusive")[percent - 1]
