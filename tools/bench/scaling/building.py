"""Build an index in a process of its own, which can be killed at any moment."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection
from pathlib import Path

from search.vectors.faiss.builder import FaissIndexBuilder
from tools.bench.index.data import Dataset
from tools.bench.scaling.catalogue import resolve_space, stream

SPAWN = multiprocessing.get_context("spawn")


class BuildProcess:
    """A build that starts at once; `begun` is the time of the builder's own start."""

    def __init__(self, folder: Path, root: Path, seq: int) -> None:
        self._said, theirs = SPAWN.Pipe(duplex=False)
        self._process = SPAWN.Process(target=_build, args=(folder, root, seq, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self._said.recv()
        self.begun = time.monotonic()

    def runs(self, seconds: float) -> bool:
        """Wait, and return whether the build still runs."""
        self._process.join(seconds)
        return self._process.is_alive()

    def kill(self) -> None:
        """Send SIGKILL, so that nothing can clean up."""
        self._process.kill()
        self._process.join()

    def finish(self) -> float:
        """Return the seconds until publication; raise RuntimeError when the build failed."""
        self._process.join()
        seconds = time.monotonic() - self.begun
        if self._process.exitcode:
            raise RuntimeError(f"the build ended with {self._process.exitcode}")
        return seconds


def _build(folder: Path, root: Path, seq: int, said: Connection) -> None:
    dataset = Dataset.open(folder)
    builder = FaissIndexBuilder(root, resolve_space(dataset))
    said.send("begun")
    builder.build(stream(dataset), seq)
