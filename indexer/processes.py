"""The processes of an installation: their commands and their number of numeric threads."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field

QUEUES = ("import", "encode", "index")

ONE_NUMERIC_THREAD = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
"""Requests and batches run in parallel: one numeric thread each, and idle threads must not spin."""


def limit_numeric_threads() -> None:
    """Give processes started from now on the numeric threads of web processes and workers.

    Values in the environment win.
    """
    for name, value in ONE_NUMERIC_THREAD.items():
        os.environ.setdefault(name, value)


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A process to run: its command, and additions to the inherited environment."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)

    def full_environment(self) -> dict[str, str]:
        """Return the environment. Inherited values win."""
        return {**self.environment, **os.environ}


def web_process(*, host: str, port: int, workers: int = 1, threads: int = 8) -> ProcessSpec:
    """Describe gunicorn with threads."""
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
    """Describe a Celery worker with threads, which share the model and its weights.

    Gossip and mingle are off: workers do not depend on each other, the database has the work.
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
    """Describe the clock that starts the reconciler."""
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
