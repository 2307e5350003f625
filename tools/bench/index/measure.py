"""Memory, cores and times of this process and its children."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

ROLLUP = re.compile(r"^(Rss|Anonymous):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: `private` memory, and `mapped` resident pages of files, which processes share."""

    private: int
    mapped: int

    def __sub__(self, other: Memory) -> Memory:
        return Memory(self.private - other.private, self.mapped - other.mapped)


def _family() -> list[psutil.Process]:
    this = psutil.Process()
    return [this, *this.children(recursive=True)]


def memory() -> Memory:
    """Measure this process and its children."""
    private = resident = 0
    for process in _family():
        sizes = dict(ROLLUP.findall(Path(f"/proc/{process.pid}/smaps_rollup").read_text("ascii")))
        private += 1024 * int(sizes["Anonymous"])
        resident += 1024 * int(sizes["Rss"])
    return Memory(private, resident - private)


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
    for process in _family():
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
