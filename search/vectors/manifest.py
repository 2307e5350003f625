"""The manifest of a generation: what it holds, how it was built and why, and the checksum of every file."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from search.errors import CorruptGeneration
from search.types import Modality

FORMAT = 1
MANIFEST = "manifest.json"
CHECKSUM = "manifest.sha256"
MANIFEST_MAX_BYTES = 1 << 20

Shape = Literal["exact", "ivf_pq"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileEntry(_Frozen):
    """A file of the generation's folder. The name is plain, so that a forged manifest cannot point outside."""

    name: str = Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9]+)+$")
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class SegmentManifest(_Frozen):
    """One segment: its shape, the parameters it was built with and why, and the recall it reached.

    The coarse search scans `nprobe` of `lists` inverted lists and fetches `refine` × k views for exact re-scoring.
    `recall` is recall@10 against exact search on `recall_queries` sampled queries, the worst over their modalities;
    `background` counts the vectors of the background sample.
    """

    modality: Modality
    shape: Shape
    views: int = Field(ge=1)
    products: int = Field(ge=1)
    files: tuple[FileEntry, ...]
    factory: str = ""
    lists: int = Field(default=0, ge=0)
    nprobe: int = Field(default=0, ge=0)
    refine: int = Field(default=1, ge=1)
    why: str
    recall: float | None = Field(default=None, ge=0, le=1)
    recall_queries: int = Field(default=0, ge=0)
    background: int = Field(ge=1)

    @property
    def bytes(self) -> int:
        return sum(entry.bytes for entry in self.files)


class Manifest(_Frozen):
    """A published generation. It holds every change up to `seq`; `previous` was live when this one was published."""

    format: Literal[1] = 1
    number: int = Field(ge=1)
    previous: int | None
    space: str
    preset: str
    dim: int = Field(ge=1)
    seq: int = Field(ge=0)
    created_at: datetime.datetime
    build_seconds: float = Field(ge=0)
    segments: tuple[SegmentManifest, ...]

    @property
    def views(self) -> int:
        return sum(segment.views for segment in self.segments)


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_bytes(manifest: Manifest) -> bytes:
    return manifest.model_dump_json(indent=2).encode() + b"\n"


def checksum_line(body: bytes) -> bytes:
    """What `sha256sum --check` reads."""
    return f"{hashlib.sha256(body).hexdigest()}  {MANIFEST}\n".encode()


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a generation's folder. Raises CorruptGeneration naming the file that is missing or changed."""
    body = _read_small(folder / MANIFEST)
    if _read_small(folder / CHECKSUM) != checksum_line(body):
        raise CorruptGeneration(f"checksum of {folder / MANIFEST} differs")
    try:
        return Manifest.model_validate_json(body)
    except ValidationError as error:
        raise CorruptGeneration(f"{folder / MANIFEST} is not a manifest of format {FORMAT}: {error}") from error


def _read_small(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(MANIFEST_MAX_BYTES + 1)
    except OSError as error:
        raise CorruptGeneration(f"{path} cannot be read: {error.strerror}") from error
    if len(body) > MANIFEST_MAX_BYTES:
        raise CorruptGeneration(f"{path} is larger than {MANIFEST_MAX_BYTES} bytes")
    return body


def check_file(folder: Path, entry: FileEntry) -> Path:
    """The file's path, once its size and checksum are found to be right. Raises CorruptGeneration naming it."""
    path = folder / entry.name
    try:
        size = path.stat().st_size
        if size != entry.bytes:
            raise CorruptGeneration(f"{path} has {size} bytes instead of {entry.bytes}")
        if file_sha256(path) != entry.sha256:
            raise CorruptGeneration(f"checksum of {path} differs")
    except OSError as error:
        raise CorruptGeneration(f"{path} cannot be read: {error.strerror}") from error
    return path
