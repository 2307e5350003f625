"""Memory, threads and times of the process that searches, its helpers included."""

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
    """Bytes: `private` no other process can share, `mapped` are resident pages of files, shared
    and given back under pressure.
    """

    private: int
    mapped: int

    def __sub__(self, other: Memory) -> Memory:
        return Memory(self.private - other.private, self.mapped - other.mapped)


def _family() -> list[psutil.Process]:
    this = psutil.Process()
    return [this, *this.children(recursive=True)]


def memory() -> Memory:
    """Of this process and its children."""
    private = resident = 0
    for process in _family():
        found = dict(ROLLUP.findall(Path(f"/proc/{process.pid}/smaps_rollup").read_text("ascii")))
        private += 1024 * int(found["Anonymous"])
        resident += 1024 * int(found["Rss"])
    return Memory(private, resident - private)


def folder_bytes(folder: Path) -> int:
    """Of all files below."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextlib.contextmanager
def limited_to(count: int) -> Iterator[None]:
    """Run on so many cores only: libraries that start threads as they like get no more than they
    were told.
    """
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


def times_of(run: Callable[[], object], least_s: float) -> list[float]:
    """Seconds of each of as many runs as take `least_s` together."""
    taken: list[float] = []
    while not taken or sum(taken) < least_s:
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return taken
