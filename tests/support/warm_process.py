"""Start processes of the product without the seconds that imports take.

A fork server imports the libraries and the engine once for a test run; each process is forked
from it and then runs its command as a new interpreter would. It has no settings yet, so every
process reads its own environment.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.paths import ROOT

PRELOADED = (
    "celery.__main__",
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.thread",
    "celery.fixups.django",
    "celery.worker.components",
    "celery.worker.consumer.agent",
    "celery.worker.strategy",
    "gunicorn.app.wsgiapp",
    "gunicorn.workers.gthread",
    "kombu.transport.filesystem",
    "kombu.transport.redis",
    "numpy",
    "onnxruntime",
    "openpyxl",
    "psycopg",
    "redis",
    "rich.progress",
    "torch",
    "search.encoders.compact.engine",
    "search.encoders.registry",
    "search.vectors.backends",
)

_context = multiprocessing.get_context("forkserver")


class WarmProcess:
    """A process that runs `command` (as `subprocess.Popen` takes it: `[python, "-m", module, ...]`
    or `[python, file, ...]`) in a session of its own. It has the part of Popen that tests use.
    """

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], *, stdout: Path, stderr: Path
    ) -> None:
        self.args = list(command)
        arguments = (self.args[1:], dict(env), str(stdout), str(stderr))
        self._process = _context.Process(target=_run, args=arguments)
        _context.set_forkserver_preload(list(PRELOADED))
        self._process.start()
        assert self._process.pid
        self.pid = self._process.pid
        while self._process.is_alive() and _group_of(self.pid) != self.pid:
            time.sleep(0.001)

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def _run(arguments: list[str], env: dict[str, str], stdout: str, stderr: str) -> None:
    """Become the process: its session, environment, folder and files, then its command."""
    os.setsid()
    os.environ.clear()
    os.environ.update(env)
    os.chdir(ROOT)
    for number, path in ((1, stdout), (2, stderr)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.path.insert(0, str(ROOT))
    try:
        if arguments[0] == "-m":
            sys.argv = arguments[1:]
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = arguments
            runpy.run_path(arguments[0], run_name="__main__")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        atexit._run_exitfuncs()
