"""Forks Celery workers from a process that has imported everything, so that a worker starts
within a second.

One line on stdin holds the arguments of `celery`; the answer on stdout is the pid. The end of
stdin kills what lives.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from contextlib import suppress

import django
from django.core.checks import run_checks

IMPORTED = (
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.thread",
    "celery.fixups.django",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer.agent",
    "celery.worker.strategy",
    "indexer.tasks",
    "kombu.transport.redis",
    "search.encoders.compact.engine",
    "webapp.broker",
)


def main() -> None:
    django.setup()
    for module in IMPORTED:
        importlib.import_module(module)
    run_checks()

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    pids = []
    print("ready", flush=True)
    for line in sys.stdin:
        pids.append(_fork(line.split()))
        print(pids[-1], flush=True)
    for pid in pids:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


def _fork(arguments: list[str]) -> int:
    if pid := os.fork():
        return pid
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(2, 1)
    from celery.__main__ import main as celery

    sys.argv = ["celery", *arguments]
    try:
        celery()
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
