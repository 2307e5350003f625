"""Who holds a claim: a process named so that another one on the same host can tell whether it
still runs.
"""

from __future__ import annotations

import functools
import os
import socket

import psutil


@functools.cache
def host_name() -> str:
    return socket.gethostname()


def this_process() -> str:
    """'host:pid:start'. The start time, in centiseconds, tells a process from a later one with
    the same pid.
    """
    return f"{host_name()}:{os.getpid()}:{_started(psutil.Process())}"


def is_dead(owner: str) -> bool:
    """True only when `owner`, 'host:pid' or 'host:pid:start', was a process of this host that
    has ended.

    Of other hosts nothing is known.
    """
    host, _, rest = owner.partition(":")
    pid, _, started = rest.partition(":")
    if host != host_name() or not pid.isdigit():
        return False
    try:
        found = psutil.Process(int(pid))
        if found.status() == psutil.STATUS_ZOMBIE:
            return True
        return bool(started) and started != str(_started(found))
    except psutil.NoSuchProcess:
        return True


def _started(process: psutil.Process) -> int:
    return round(process.create_time() * 100)
