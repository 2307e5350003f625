"""Builds in a process of their own, which can be killed at any moment."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection
from pathlib import Path

from search.vectors.faiss.builder import FaissIndexBuilder
from tools.bench.index.data import Dataset
from tools.bench.scaling.catalogue import space_of, stream

SPAWNING = multiprocessing.get_context("spawn")


class Build:
    """Starts at once; `begun` is when the builder itself was called, not when its process was
    started.
    """

    def __init__(self, folder: Path, root: Path, seq: int) -> None:
        self._said, theirs = SPAWNING.Pipe(duplex=False)
        self._process = SPAWNING.Process(
            target=_build, args=(folder, root, seq, theirs), daemon=True
        )
        self._process.start()
        theirs.close()
        self._said.recv()
        self.begun = time.monotonic()

    def runs(self, seconds: float) -> bool:
        """Whether it still runs after so long."""
        self._process.join(seconds)
        return self._process.is_alive()

    def kill(self) -> None:
        """SIGKILL: nothing gets a chance to tidy up."""
        self._process.kill()
        self._process.join()

    def finish(self) -> float:
        """Seconds until it had published. Raises RuntimeError when it failed."""
        self._process.join()
        seconds = time.monotonic() - self.begun
        if self._process.exitcode:
            raise RuntimeError(f"the build ended with {self._process.exitcode}")
        return seconds


def _build(folder: Path, root: Path, seq: int, said: Connection) -> None:
    dataset = Dataset.open(folder)
    builder = FaissIndexBuilder(root, space_of(dataset))
    said.send("begun")
    builder.build(stream(dataset), seq)
