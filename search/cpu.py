"""What the machine offers this process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

ResultT = TypeVar("ResultT")

GIVEN_WAY, LEAST_PRIORITY = 10, 19
"""Steps of niceness: about a tenth of a core beside other work of the same process, all of it
beside none."""


def cores() -> int:
    """CPU cores this process may use."""
    return len(os.sched_getaffinity(0))


def in_background(work: Callable[[], ResultT]) -> ResultT:
    """Do `work` in a thread whose priority, and that of the threads it starts, is lower, and
    wait for what it returns.

    A thread of its own because only root may raise a priority again; on Linux priorities are a
    thread's, see setpriority(2). Raises whatever `work` raises. A caller that is interrupted
    does not wait: the thread is a daemon.
    """
    done: Future[ResultT] = Future()

    def run() -> None:
        thread = threading.get_native_id()
        niceness = os.getpriority(os.PRIO_PROCESS, thread) + GIVEN_WAY
        os.setpriority(os.PRIO_PROCESS, thread, min(niceness, LEAST_PRIORITY))
        try:
            done.set_result(work())
        except BaseException as error:  # raised again where it is waited for
            done.set_exception(error)

    threading.Thread(target=run, name="background", daemon=True).start()
    return done.result()
