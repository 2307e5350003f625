"""Checkpoints of a build in its folder, so that the next builder resumes a killed one.

Files are used only if their checksums match.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Field, ValidationError

from search.errors import CorruptGeneration
from search.files import file_sha256, write_atomically
from search.types import Modality
from search.vectors.manifest import FileEntry, FrozenModel, SegmentManifest, check_file

MAX_AGE_SECONDS = 6 * 3600.0
"""Older rows would publish a state of the catalogue that the delta mostly replaces."""

STAGED = "staged.checkpoint"

ModelT = TypeVar("ModelT", bound=BaseModel)


class StagedRows(FrozenModel):
    """Row stores that are complete: the catalogue's views at `seq`.

    `counts` holds the numbers of views and products of each modality.
    """

    space: str
    dim: int = Field(ge=1)
    seq: int = Field(ge=0)
    counts: dict[Modality, tuple[int, int]]
    files: tuple[FileEntry, ...]


class TrainedLists(FrozenModel):
    """Inverted lists that are trained and still empty."""

    factory: str
    trained_in: int
    trained_fit: float
    file: FileEntry


class Checkpoints:
    """The checkpoints of one building folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, content: BaseModel) -> None:
        """Write a checkpoint that appears when it is complete. Raises OSError when disk is full."""
        write_atomically(self.folder / name, content.model_dump_json())

    def read_staged(self, space: str, dim: int) -> StagedRows | None:
        """Return the rows that a killed builder of this space completed, unless too old."""
        path = self.folder / STAGED
        staged = self._read(STAGED, StagedRows)
        if (
            staged is None
            or (staged.space, staged.dim) != (space, dim)
            or time.time() - path.stat().st_mtime > MAX_AGE_SECONDS
        ):
            return None
        return staged if self._is_intact(staged.files) else None

    def read_trained(self, modality: Modality, factory: str) -> TrainedLists | None:
        """Return the lists that were trained for this factory."""
        trained = self._read(f"{trained_name(modality, factory)}.checkpoint", TrainedLists)
        if trained is None or trained.factory != factory or not self._is_intact((trained.file,)):
            return None
        return trained

    def read_finished(self, modality: Modality) -> SegmentManifest | None:
        """Return the segment that was completed."""
        finished = self._read(finished_name(modality), SegmentManifest)
        return finished if finished is not None and self._is_intact(finished.files) else None

    def describe_file(self, path: Path) -> FileEntry:
        """Return the name, size and checksum of a file in the folder."""
        return FileEntry(name=path.name, bytes=path.stat().st_size, sha256=file_sha256(path))

    def remove(self) -> None:
        """Delete everything that does not belong into a published generation."""
        for path in self.folder.iterdir():
            if path.suffix in (".checkpoint", ".part", ".trained"):
                path.unlink()

    def _read(self, name: str, model: type[ModelT]) -> ModelT | None:
        try:
            return model.model_validate_json((self.folder / name).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def _is_intact(self, files: tuple[FileEntry, ...]) -> bool:
        try:
            for entry in files:
                check_file(self.folder, entry)
        except CorruptGeneration:
            return False
        return True


def trained_name(modality: Modality, factory: str) -> str:
    """Return the file name, without suffix, of lists trained for a factory.

    One build may train for several factories.
    """
    return f"{modality.value}_{re.sub('[^a-z0-9]+', '_', factory.lower())}"


def finished_name(modality: Modality) -> str:
    return f"{modality.value}_finished.checkpoint"
