"""CPU cores of this process, and work in the background."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

ResultT = TypeVar("ResultT")

BACKGROUND_NICENESS = 10
"""Niceness added for background work: about a tenth of a busy core, a whole core if it is idle."""

MAX_NICENESS = 19


def available_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0))


def run_in_background(work: Callable[[], ResultT]) -> ResultT:
    """Run `work` in a thread of lower priority and return its result.

    Threads that `work` starts inherit the priority. A new thread is needed because only root may
    raise a priority again; on Linux each thread has its own, see setpriority(2). Raises what
    `work` raises. The thread is a daemon, so an interrupted caller does not wait for it.
    """
    result: Future[ResultT] = Future()

    def run() -> None:
        thread = threading.get_native_id()
        niceness = os.getpriority(os.PRIO_PROCESS, thread) + BACKGROUND_NICENESS
        os.setpriority(os.PRIO_PROCESS, thread, min(niceness, MAX_NICENESS))
        try:
            result.set_result(work())
        except BaseException as error:  # raised again by result()
            result.set_exception(error)

    threading.Thread(target=run, name="background", daemon=True).start()
    return result.result()
