"""Resident memory of a process over its life."""

from __future__ import annotations

import subprocess
import threading
import time

import psutil

SAMPLE_S = 0.1


class MemoryWatch(threading.Thread):
    """Samples the resident set size of a running process and its children until it ends, in bytes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(process.pid)
        self._started = time.monotonic()
        self.samples: list[tuple[float, int]] = []

    def run(self) -> None:
        while True:
            try:
                family = [self._process, *self._process.children(recursive=True)]
                used = sum(member.memory_info().rss for member in family)
            except psutil.NoSuchProcess:
                return
            self.samples.append((time.monotonic() - self._started, used))
            time.sleep(SAMPLE_S)

    def peak(self, first: float = 0.0, last: float = 1.0) -> int:
        """The highest sample in a part of the process's life, given as fractions of it."""
        end = self.samples[-1][0]
        return max((used for at, used in self.samples if first * end <= at <= last * end), default=0)
