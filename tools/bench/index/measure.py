"""Disk space, cores and times of this process and its children."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tools.bench.memory import process_tree


def folder_bytes(folder: Path) -> int:
    """Return the size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextlib.contextmanager
def limit_cores(count: int) -> Iterator[None]:
    """Restrict this process to some cores, for libraries that ignore their thread settings."""
    before = os.sched_getaffinity(0)
    _run_on(set(sorted(before)[-count:]))
    try:
        yield
    finally:
        _run_on(before)


def _run_on(allowed: set[int]) -> None:
    for process in process_tree():
        for thread in process.threads():
            with contextlib.suppress(ProcessLookupError):  # it ended meanwhile
                os.sched_setaffinity(thread.id, allowed)


def time_repeatedly(run: Callable[[], object], min_s: float) -> list[float]:
    """Repeat a function for at least `min_s` seconds, and return the seconds of each run."""
    times: list[float] = []
    while not times or sum(times) < min_s:
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return times
