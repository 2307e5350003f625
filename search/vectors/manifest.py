"""The manifest of a generation: what it holds, how it was built and why, and the checksum of
every file.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from search.errors import CorruptGeneration
from search.types import Modality

FORMAT = 2
MANIFEST = "manifest.json"
CHECKSUM = "manifest.sha256"
MANIFEST_MAX_BYTES = 1 << 20

RECALL_AT = 10
"""Recall is measured, and search parameters are tuned, on so many views a query."""

IndexType = Literal["exact", "ivf_sq8", "ivf_pq", "ivf_mapped", "milvus"]


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True
    )


class FileEntry(_Frozen):
    """A file of the generation's folder. The name is plain, so that a forged manifest cannot
    point outside.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9]+)+$")
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Setting(_Frozen):
    """Search parameters tried on sampled queries: `nprobe` inverted lists scanned, `refine` × k
    views re-scored, the recall@10 that gave against exact search, and microseconds a query
    took.
    """

    nprobe: int = Field(ge=1)
    refine: int = Field(ge=1)
    recall: float = Field(ge=0, le=1)
    microseconds: float = Field(ge=0)


class Tuned(_Frozen):
    """The setting chosen for queries of one modality. `recall` was measured on other queries
    than those that chose; `curve` is all that was tried.
    """

    nprobe: int = Field(ge=1)
    refine: int = Field(ge=1)
    recall: float = Field(ge=0, le=1)
    queries: int = Field(ge=1)
    curve: tuple[Setting, ...] = ()


class Filtered(_Frozen):
    """Inverted lists to scan where a filter leaves this share of the views, measured for every
    modality of query.
    """

    share: float = Field(gt=0, lt=1)
    nprobe: int = Field(ge=1)


class SegmentManifest(_Frozen):
    """One segment: its shape and why, the parameters tuned for queries of each modality, and the
    recall they reach.

    `filtered`, largest share first, ends where scanning what a filter leaves is faster. `fit` is
    the mean inner product of sampled views with their list's centre, `trained_fit` what it was
    when the lists were trained, in generation `trained_in`; `background` counts the vectors of
    the background sample.
    """

    modality: Modality
    index_type: IndexType = Field(alias="shape")  # its name in files and documents
    views: int = Field(ge=1)
    products: int = Field(ge=1)
    files: tuple[FileEntry, ...]
    factory: str = ""
    lists: int = Field(default=0, ge=0)
    why: str
    tuned: Mapping[Modality, Tuned] = Field(default_factory=dict)
    filtered: tuple[Filtered, ...] = ()
    trained_in: int | None = None
    trained_fit: float = 0.0
    fit: float = 0.0
    background: int = Field(ge=1)

    @property
    def bytes(self) -> int:
        return sum(entry.bytes for entry in self.files)

    @property
    def recall(self) -> float:
        """Recall@10 for queries of the modality that is answered worst."""
        return min((tuned.recall for tuned in self.tuned.values()), default=1.0)

    @property
    def nprobe(self) -> int:
        """Lists scanned where the query's modality is not known; 0 where all views are."""
        return max((tuned.nprobe for tuned in self.tuned.values()), default=0)

    @property
    def drift(self) -> float:
        """How much worse the lists fit the views than those they were trained on, as a share."""
        return max(0.0, 1 - self.fit / self.trained_fit) if self.trained_fit else 0.0

    def tuned_for(self, asked: Modality | None) -> Tuned:
        """What was tuned for queries of a modality; the most careful setting of all where there
        is none.
        """
        if asked is not None and asked in self.tuned:
            return self.tuned[asked]
        nprobe = max((tuned.nprobe for tuned in self.tuned.values()), default=self.lists)
        refine = max((tuned.refine for tuned in self.tuned.values()), default=1)
        queries = sum(tuned.queries for tuned in self.tuned.values())
        return Tuned(nprobe=nprobe, refine=refine, recall=self.recall, queries=max(1, queries))


class Manifest(_Frozen):
    """A published generation. It holds every change up to `seq`; `previous` was live when this
    one was published.
    """

    format: Literal[2] = 2
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
    """The manifest of a generation's folder. Raises CorruptGeneration naming the file that is
    missing or changed.
    """
    body = _read_small(folder / MANIFEST)
    if _read_small(folder / CHECKSUM) != checksum_line(body):
        raise CorruptGeneration(f"checksum of {folder / MANIFEST} differs")
    try:
        return Manifest.model_validate_json(body)
    except ValidationError as error:
        raise CorruptGeneration(
            f"{folder / MANIFEST} is not a manifest of format {FORMAT}: {error}"
        ) from error


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
    """The file's path, once its size and checksum are found to be right. Raises
    CorruptGeneration naming it.
    """
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
