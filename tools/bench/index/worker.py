"""A process of its own for each engine, so that memory, threads and crashes are its own."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from search.errors import OmnishelfError

SPAWNING = multiprocessing.get_context("spawn")
ENDING_S = 30.0


class EngineStopped(OmnishelfError):
    """An engine's process ended, or did not answer in time."""

    code = "engine_stopped"


class Worker:
    """Calls methods of a Session in another process."""

    def __init__(self, key: str, dataset: Path, folder: Path, limit_s: float) -> None:
        self._limit = limit_s
        self._pipe, theirs = SPAWNING.Pipe()
        self._process = SPAWNING.Process(target=_serve, args=(theirs, key, dataset, folder))
        self._process.start()
        theirs.close()

    def ask(self, method: str, *arguments: object) -> Any:
        """Raises EngineStopped after the time limit, or where the process failed; why is on
        stderr then.
        """
        try:
            self._pipe.send((method, arguments))
            if not self._pipe.poll(self._limit):
                self._kill()
                raise EngineStopped(f"{method} took longer than {self._limit:.0f} s")
            return self._pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join(ENDING_S)
            raise EngineStopped(f"{method} failed with status {self._process.exitcode}") from error

    def close(self) -> None:
        """End the process: politely, then not."""
        self._pipe.close()
        self._process.join(ENDING_S)
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
    # Imported here: the parent needs neither FAISS nor any peer in its memory.
    from tools.bench.index.session import Session

    session = Session(key, dataset, folder)
    while True:
        try:
            method, arguments = pipe.recv()
        except EOFError:
            session.close()
            return
        pipe.send(getattr(session, method)(*arguments))
