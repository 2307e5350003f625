"""The index reader over FAISS files: finds, opens and swaps the published generation."""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from pathlib import Path

from search.errors import ConfigError, CorruptGeneration
from search.types import Space
from search.vectors.base_reader import BaseIndexReader
from search.vectors.faiss.generations import (
    FaissGeneration,
    open_generation,
    open_newest_intact,
)
from search.vectors.faiss.gpu.contract import GpuSettings
from search.vectors.faiss.snapshot import FaissSnapshot
from search.vectors.layout import Layout, PointerStamp


class FaissIndexReader(BaseIndexReader[FaissSnapshot, FaissGeneration]):
    """An `IndexReader` over FAISS files."""

    def __init__(
        self,
        root: Path,
        space: Space,
        *,
        threads: int = 1,
        swap_wait_seconds: float | None = None,
        gpu: GpuSettings | None = None,
        lock_memory: bool = False,
    ) -> None:
        """Open the live generation, or none: then the delta alone is searched, from seq 0 on.

        `threads` share the queries of one call. `swap_wait_seconds` is how long a later swap waits
        for a generation to open (None: until it is open). `gpu` holds and searches the segments
        that fit into its memory. `lock_memory` keeps the files in memory; raises ConfigError where
        the system's limit does not allow that.

        Where the live generation is damaged, the newest intact one before it is used and
        `status().fault` says so.
        """
        super().__init__(space, FaissSnapshot(space.dim), threads=threads)
        self._layout = Layout.of(root, space)
        self._gpu = gpu
        self._lock_memory = lock_memory
        self._stamp: PointerStamp | None = None
        self._opening: tuple[PointerStamp, Future[FaissGeneration | None]] | None = None
        self._swap_wait_seconds: float | None = None  # the first time, nothing else can be searched
        self.swap_if_published()
        self._swap_wait_seconds = swap_wait_seconds
        if self._fault and (
            substitute := open_newest_intact(self._layout, space, gpu, lock_memory=lock_memory)
        ):
            self._take_over(substitute)

    def _open_published(self) -> FaissGeneration | None:
        """Open the generation that the pointer names, once the pointer changed (one stat call).

        A damaged generation, or one that cannot be locked in memory, is tried again when the
        pointer moves. One that takes longer than `swap_wait_seconds` to check and open is opened in
        the background and taken over by a later call; changes go on being applied meanwhile. Raises
        ConfigError where no other generation is in use than one that cannot be locked.
        """
        stamp = self._layout.pointer_stamp()
        if stamp is None or stamp == self._stamp:
            return None
        opening = self._start_opening(stamp)
        if not wait([opening], self._swap_wait_seconds).done:
            return None
        self._opening = None
        generation = opening.result()
        self._stamp = stamp
        return generation

    def _start_opening(self, stamp: PointerStamp) -> Future[FaissGeneration | None]:
        if self._opening is None or self._opening[0] != stamp:
            future: Future[FaissGeneration | None] = Future()
            self._opening = (stamp, future)
            threading.Thread(
                target=self._open_into, args=(future,), name="generation", daemon=True
            ).start()
        return self._opening[1]

    def _open_into(self, future: Future[FaissGeneration | None]) -> None:
        try:
            future.set_result(self._open_live())
        except BaseException as error:  # raised again by `result`
            future.set_exception(error)

    def _open_live(self) -> FaissGeneration | None:
        current = self._snapshot.generation
        try:
            number = self._layout.live_number()
            self._fault = None
            if number is None or (current is not None and current.manifest.number == number):
                return None
            folder = self._layout.folder(number)
            return open_generation(folder, self.space, self._gpu, lock_memory=self._lock_memory)
        except CorruptGeneration as error:
            self._fault = str(error)
            return None
        except ConfigError as error:
            if current is None:
                raise
            self._fault = str(error)
            return None
