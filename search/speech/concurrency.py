"""One transcription at a time: who waits gives up soon, so that a crowd cannot hold every
thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from search.errors import Unavailable

LONGEST_WAIT_S = 3.0


class Turns:
    """`time_limit_s` is for waiting and work together."""

    def __init__(self, time_limit_s: float) -> None:
        self._time_limit_s = time_limit_s
        self._lock = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[float]:
        """Yields the seconds left for the work. Raises Unavailable when others keep the engine
        busy.
        """
        began = time.monotonic()
        if not self._lock.acquire(timeout=min(LONGEST_WAIT_S, self._time_limit_s)):
            raise Unavailable("the speech engine is busy", fix="Try again shortly.")
        try:
            yield max(0.1, self._time_limit_s - (time.monotonic() - began))
        finally:
            self._lock.release()
