"""Memory of a process: now, and over its lifetime."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE_INTERVAL_S = 0.1
ROLLUP = re.compile(r"^(Rss|Anonymous):\s+(\d+) kB$", re.MULTILINE)
ANONYMOUS = re.compile(r"^RssAnon:\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes: `private` memory, and `mapped` resident pages of files, which processes share."""

    private: int
    mapped: int

    def __sub__(self, other: Memory) -> Memory:
        return Memory(self.private - other.private, self.mapped - other.mapped)


def process_tree() -> list[psutil.Process]:
    """Return this process and its children."""
    this = psutil.Process()
    return [this, *this.children(recursive=True)]


def measure_memory() -> Memory:
    """Measure this process and its children; raise OSError where the kernel does not report it."""
    private = resident = 0
    for process in process_tree():
        sizes = dict(ROLLUP.findall(Path(f"/proc/{process.pid}/smaps_rollup").read_text("ascii")))
        private += 1024 * int(sizes["Anonymous"])
        resident += 1024 * int(sizes["Rss"])
    return Memory(private, resident - private)


class MemoryWatch(threading.Thread):
    """Samples the private memory of a process in bytes, without mapped files, until it ends."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(daemon=True)
        self._status = Path(f"/proc/{process.pid}/status")
        self._since = time.monotonic()
        self.samples: list[tuple[float, int]] = []

    def run(self) -> None:
        while True:
            try:
                match = ANONYMOUS.search(self._status.read_text("ascii"))
            except OSError:
                return
            if match is None:
                return
            self.samples.append((time.monotonic() - self._since, int(match[1]) * 1024))
            time.sleep(SAMPLE_INTERVAL_S)

    def peak(self, first: float = 0.0, last: float = 1.0) -> int:
        """Return the highest sample in a part of the lifetime, given as fractions."""
        end = self.samples[-1][0]
        return max(
            (used for at, used in self.samples if first * end <= at <= last * end), default=0
        )
