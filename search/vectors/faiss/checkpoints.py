"""What a builder had finished when it was killed: kept in its folder, and trusted only by its
checksums.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from search.errors import CorruptGeneration
from search.types import Modality
from search.vectors.layout import open_durable
from search.vectors.manifest import FileEntry, SegmentManifest, check_file, file_sha256

USABLE_FOR_S = 6 * 3600.0
"""Older ones would publish a state of the catalogue that is mostly replaced by the delta."""

STAGED = "staged.checkpoint"

Model = TypeVar("Model", bound=BaseModel)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StagedRows(_Frozen):
    """Row stores that are complete: the catalogue's views at `seq`."""

    space: str
    dim: int = Field(ge=1)
    seq: int = Field(ge=0)
    counts: dict[Modality, tuple[int, int]]
    files: tuple[FileEntry, ...]


class TrainedLists(_Frozen):
    """Lists that are trained and still empty."""

    factory: str
    trained_in: int
    trained_fit: float
    file: FileEntry


class Checkpoints:
    """The checkpoints of one building folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, content: BaseModel) -> None:
        """Complete when it appears under its name. Raises OSError when the disk is full."""
        part = self.folder / f"{name}.part"
        with open_durable(part) as file:
            file.write(content.model_dump_json().encode())
        part.replace(self.folder / name)

    def staged(self, space: str, dim: int) -> StagedRows | None:
        """Rows that a killed builder of this space left complete, unless they are too old."""
        path = self.folder / STAGED
        found = self._read(STAGED, StagedRows)
        if (
            found is None
            or (found.space, found.dim) != (space, dim)
            or time.time() - path.stat().st_mtime > USABLE_FOR_S
        ):
            return None
        return found if self._intact(found.files) else None

    def trained(self, modality: Modality, factory: str) -> TrainedLists | None:
        """Lists that were trained for this factory."""
        found = self._read(f"{trained_name(modality, factory)}.checkpoint", TrainedLists)
        return (
            found
            if found is not None and found.factory == factory and self._intact((found.file,))
            else None
        )

    def finished(self, modality: Modality) -> SegmentManifest | None:
        """A segment that was complete."""
        found = self._read(finished_name(modality), SegmentManifest)
        return found if found is not None and self._intact(found.files) else None

    def entry(self, path: Path) -> FileEntry:
        """A file of the folder with its size and checksum."""
        return FileEntry(name=path.name, bytes=path.stat().st_size, sha256=file_sha256(path))

    def remove(self) -> None:
        """Everything that does not belong into a published generation."""
        for path in self.folder.iterdir():
            if path.suffix in (".checkpoint", ".part", ".trained"):
                path.unlink()

    def _read(self, name: str, model: type[Model]) -> Model | None:
        try:
            return model.model_validate_json((self.folder / name).read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def _intact(self, files: tuple[FileEntry, ...]) -> bool:
        try:
            for entry in files:
                check_file(self.folder, entry)
        except CorruptGeneration:
            return False
        return True


def trained_name(modality: Modality, factory: str) -> str:
    """What files of trained lists are called but for their ending: a build may train for several
    factories.
    """
    return f"{modality.value}_{re.sub('[^a-z0-9]+', '_', factory.lower())}"


def finished_name(modality: Modality) -> str:
    return f"{modality.value}_finished.checkpoint"
