"""Generations on local disk: opened, checked, and looked after."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from search.errors import CorruptGeneration
from search.types import Modality, Space
from search.vectors.faiss.gpu.contract import GpuSettings
from search.vectors.faiss.memory_lock import lock_mapped
from search.vectors.faiss.segment import FaissSegment
from search.vectors.generations import Generations
from search.vectors.layout import Layout
from search.vectors.manifest import Manifest, check_file, read_manifest


@dataclass(frozen=True, slots=True)
class FaissGeneration:
    """A manifest with its opened segments."""

    manifest: Manifest
    segments: Mapping[Modality, FaissSegment]


class FaissGenerations(Generations):
    """The generations in a space's folder; see `Layout`."""

    def __init__(self, root: Path, space: Space) -> None:
        self._layout = Layout.of(root, space)
        self._space = space

    @property
    def name(self) -> str:
        return self._layout.home.name

    def numbers(self) -> list[int]:
        return self._layout.numbers()

    def live_number(self) -> int | None:
        return self._layout.live_number()

    def read_manifest(self, number: int) -> Manifest:
        return read_manifest(self._layout.folder(number))

    def set_live(self, number: int) -> None:
        """Move the pointer. Call with the pointer lock held."""
        self._layout.point_to(number)

    def _pointer_lock(self) -> contextlib.AbstractContextManager[None]:
        return self._layout.pointer_lock()

    def _check(self, number: int) -> Manifest:
        return check_generation(self._layout.folder(number), self._space)

    def _remove(self, number: int) -> None:
        shutil.rmtree(self._layout.folder(number), ignore_errors=True)


def check_generation(folder: Path, space: Space) -> Manifest:
    """Check the manifest and the size and SHA-256 of every file.

    Raises CorruptGeneration naming the file.
    """
    manifest = read_manifest(folder)
    if (manifest.space, manifest.dim) != (space.fingerprint, space.dim):
        raise CorruptGeneration(f"{folder} belongs to another space", value=manifest.space)
    for segment in manifest.segments:
        for entry in segment.files:
            check_file(folder, entry)
    return manifest


def open_generation(
    folder: Path, space: Space, gpu: GpuSettings | None = None, *, lock_memory: bool = False
) -> FaissGeneration:
    """Check every file, then map them. FAISS loads most damaged files without an error.

    `gpu` searches the segments that fit into its memory. `lock_memory` keeps the files in memory;
    raises ConfigError where the system's limit does not allow that.
    """
    manifest = check_generation(folder, space)
    segments = {
        part.modality: FaissSegment(folder, part, manifest.dim, gpu=gpu)
        for part in manifest.segments
    }
    if lock_memory:
        lock_mapped(folder)
    return FaissGeneration(manifest, segments)


def open_newest_intact(
    layout: Layout, space: Space, gpu: GpuSettings | None = None, *, lock_memory: bool = False
) -> FaissGeneration | None:
    """Open the best substitute for a damaged live generation; None when all are damaged."""
    for number in layout.fallback_numbers():
        try:
            return open_generation(layout.folder(number), space, gpu, lock_memory=lock_memory)
        except CorruptGeneration:
            continue
    return None
