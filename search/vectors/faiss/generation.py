"""A published generation, opened and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from search.errors import CorruptGeneration
from search.types import Modality, Space
from search.vectors.faiss.gpu.contract import Gpu
from search.vectors.faiss.memory_lock import lock_mapped
from search.vectors.faiss.segment import Segment
from search.vectors.layout import Layout
from search.vectors.manifest import Manifest, check_file, read_manifest


@dataclass(frozen=True, slots=True)
class Generation:
    """A manifest with its opened segments."""

    manifest: Manifest
    segments: Mapping[Modality, Segment]


def check_generation(folder: Path, space: Space) -> Manifest:
    """Check the manifest and the size and SHA-256 of every file. Raises CorruptGeneration naming
    the file.
    """
    manifest = read_manifest(folder)
    if (manifest.space, manifest.dim) != (space.fingerprint, space.dim):
        raise CorruptGeneration(f"{folder} belongs to another space", value=manifest.space)
    for segment in manifest.segments:
        for entry in segment.files:
            check_file(folder, entry)
    return manifest


def open_generation(
    folder: Path, space: Space, gpu: Gpu | None = None, *, lock_memory: bool = False
) -> Generation:
    """Check every file, then map them. FAISS loads most damaged files without a word, hence the
    checksums first.

    What `gpu` has room for is searched there. `lock_memory` keeps the files in memory, and
    raises ConfigError where they may not be kept.
    """
    manifest = check_generation(folder, space)
    segments = {
        part.modality: Segment(folder, part, manifest.dim, gpu=gpu) for part in manifest.segments
    }
    if lock_memory:
        lock_mapped(folder)
    return Generation(manifest, segments)


def newest_intact(
    layout: Layout, space: Space, gpu: Gpu | None = None, *, lock_memory: bool = False
) -> Generation | None:
    """The best substitute for a damaged live generation that can be opened."""
    for number in layout.substitutes():
        try:
            return open_generation(layout.folder(number), space, gpu, lock_memory=lock_memory)
        except CorruptGeneration:
            continue
    return None
