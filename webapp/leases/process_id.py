"""The owner of a claim: a process name that other processes of the host can check."""

from __future__ import annotations

import functools
import os
import socket

import psutil


@functools.cache
def host_name() -> str:
    """Return the name of this host."""
    return socket.gethostname()


def this_process() -> str:
    """Return 'host:pid:start' of this process.

    The start time, in centiseconds, differs from that of a later process with the same pid.
    """
    return f"{host_name()}:{os.getpid()}:{_start_time(psutil.Process())}"


def is_dead(owner: str) -> bool:
    """Return True only when `owner`, a process of this host, has ended.

    `owner` is 'host:pid' or 'host:pid:start'. Nothing is known of processes of other hosts.
    """
    host, _, rest = owner.partition(":")
    pid, _, start = rest.partition(":")
    if host != host_name() or not pid.isdigit():
        return False
    try:
        process = psutil.Process(int(pid))
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        return bool(start) and start != str(_start_time(process))
    except psutil.NoSuchProcess:
        return True


def _start_time(process: psutil.Process) -> int:
    return round(process.create_time() * 100)
