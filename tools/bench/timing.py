"""Times of several ways of doing the same, taken in turn, so that whatever else the machine does
slows all alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median, quantiles

Run = Callable[[], object]


def time_interleaved(runs: Mapping[str, Run], repetitions: int) -> dict[str, list[float]]:
    """Seconds of every repetition, by name, after one run of each that is not counted."""
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
    """Things per second at the median repetition, which handled `size` of them, by name."""
    return {name: size / median(times) for name, times in taken.items()}


def percentile_ms(times: list[float], percent: int) -> float:
    """A percentile of seconds, in milliseconds."""
    return 1000 * quantiles(times, n=100, method="inclusive")[percent - 1]
