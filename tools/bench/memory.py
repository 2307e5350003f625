"""Memory of a process over its lifetime."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from pathlib import Path

SAMPLE_S = 0.1
ANONYMOUS = re.compile(r"^RssAnon:\s+(\d+) kB$", re.MULTILINE)


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
                found = ANONYMOUS.search(self._status.read_text("ascii"))
            except OSError:
                return
            if found is None:
                return
            self.samples.append((time.monotonic() - self._since, int(found[1]) * 1024))
            time.sleep(SAMPLE_S)

    def peak(self, first: float = 0.0, last: float = 1.0) -> int:
        """Return the highest sample in a part of the lifetime, given as fractions."""
        end = self.samples[-1][0]
        return max(
            (used for at, used in self.samples if first * end <= at <= last * end), default=0
        )
