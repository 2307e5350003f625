"""Run each engine in a process of its own, to isolate memory, threads and crashes."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from search.errors import OmnishelfError

SPAWN = multiprocessing.get_context("spawn")
STOP_LIMIT_S = 30.0


class EngineStopped(OmnishelfError):
    """The process of an engine ended, or exceeded the time limit."""

    code = "engine_stopped"


class Worker:
    """Calls methods of a `Session` in another process."""

    def __init__(self, key: str, dataset: Path, folder: Path, limit_s: float) -> None:
        self._limit = limit_s
        self._pipe, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_serve, args=(theirs, key, dataset, folder))
        self._process.start()
        theirs.close()

    def call(self, method: str, *arguments: object) -> Any:
        """Call a method and return its result.

        Raises EngineStopped after the time limit, or if the process failed: see its stderr.
        """
        try:
            self._pipe.send((method, arguments))
            if not self._pipe.poll(self._limit):
                self._kill()
                raise EngineStopped(f"{method} took longer than {self._limit:.0f} s")
            return self._pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join(STOP_LIMIT_S)
            raise EngineStopped(f"{method} failed with status {self._process.exitcode}") from error

    def close(self) -> None:
        """End the process; kill it if it does not end in time."""
        self._pipe.close()
        self._process.join(STOP_LIMIT_S)
        self._kill()

    def _kill(self) -> None:
        if self._process.pid is not None and self._process.is_alive():
            for process in psutil.Process(self._process.pid).children(recursive=True):
                process.kill()
            self._process.kill()
            self._process.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


def _serve(pipe: Connection, key: str, dataset: Path, folder: Path) -> None:
    # Imported here, so that the parent does not load FAISS and the other libraries.
    from tools.bench.index.session import Session

    session = Session(key, dataset, folder)
    while True:
        try:
            method, arguments = pipe.recv()
        except EOFError:
            session.close()
            return
        pipe.send(getattr(session, method)(*arguments))
