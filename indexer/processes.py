"""The processes of an installation: how each is started, and with how many threads for numeric
libraries.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field

QUEUES = ("import", "encode", "index")

ONE_NUMERIC_THREAD = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
"""Requests run side by side, and so do batches of a worker: one numeric thread each, and idle
ones must not spin."""


def limit_numeric_threads() -> None:
    """From now on the processes that this one starts compute as web processes and workers do;
    what the operator set wins.
    """
    for name, value in ONE_NUMERIC_THREAD.items():
        os.environ.setdefault(name, value)


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A process to run: its arguments, and what its environment has beyond the inherited one."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)

    def full_environment(self) -> dict[str, str]:
        """What the operator set wins."""
        return {**self.environment, **os.environ}


def web_process(*, host: str, port: int, workers: int = 1, threads: int = 8) -> ProcessSpec:
    """Gunicorn with threads."""
    return ProcessSpec(
        name="web",
        command=(
            *(
                sys.executable,
                "-m",
                "gunicorn",
                "webapp.wsgi",
                "--bind",
                f"{host}:{port}",
                "--no-control-socket",
            ),
            *("--worker-class", "gthread", "--workers", str(workers), "--threads", str(threads)),
            *("--timeout", "120", "--graceful-timeout", "5"),
        ),
        environment=dict(ONE_NUMERIC_THREAD),
    )


def worker_process(
    *, queues: tuple[str, ...] = QUEUES, threads: int = 4, name: str = "worker"
) -> ProcessSpec:
    """A Celery worker with threads: the model and its weights are held once for all tasks of the
    process.

    Workers need not know each other, because the database says what is to be done: gossip and
    mingle are off.
    """
    return ProcessSpec(
        name=name,
        command=(
            *(
                sys.executable,
                "-m",
                "celery",
                "--quiet",
                "--app",
                "webapp",
                "worker",
                "--hostname",
                f"{name}-{os.getpid()}@%h",
            ),
            *("--pool", "threads", "--concurrency", str(threads), "--queues", ",".join(queues)),
            *("--loglevel", "INFO", "--without-gossip", "--without-mingle", "--without-heartbeat"),
        ),
        environment=dict(ONE_NUMERIC_THREAD),
    )


def beat_process() -> ProcessSpec:
    """The clock that asks for a sweep now and then."""
    return ProcessSpec(
        name="beat",
        command=(
            sys.executable,
            "-m",
            "celery",
            "--app",
            "webapp",
            "beat",
            "--loglevel",
            "WARNING",
            "--pidfile=",
        ),
    )
