"""The manifest of a generation: what it holds, how it was built, and the checksum of every file."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from search.errors import CorruptGeneration
from search.files import file_sha256, sha256_hex
from search.types import Modality

FORMAT = 2
MANIFEST = "manifest.json"
CHECKSUM = "manifest.sha256"
MAX_MANIFEST_BYTES = 1 << 20

RECALL_AT = 10
"""Recall is measured, and search parameters are tuned, on this many views per query."""

IndexType = Literal["exact", "ivf_sq8", "ivf_pq", "ivf_mapped", "milvus"]


class FrozenModel(BaseModel):
    """A stored, immutable record; unknown keys are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True
    )


class FileEntry(FrozenModel):
    """A file in the generation's folder.

    The name has no path separators, so that a forged manifest cannot point outside the folder.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9]+)+$")
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class MeasuredSetting(FrozenModel):
    """Search parameters measured on sampled queries.

    `nprobe` inverted lists are scanned and `refine` × k views re-scored; `recall` is recall@10
    against exact search, `microseconds` the time of one query.
    """

    nprobe: int = Field(ge=1)
    refine: int = Field(ge=1)
    recall: float = Field(ge=0, le=1)
    microseconds: float = Field(ge=0)


class TunedSetting(FrozenModel):
    """The search parameters chosen for queries of one modality.

    `recall` was measured on `queries` queries that did not take part in the choice; `curve` lists
    all settings that were measured.
    """

    nprobe: int = Field(ge=1)
    refine: int = Field(ge=1)
    recall: float = Field(ge=0, le=1)
    queries: int = Field(ge=1)
    curve: tuple[MeasuredSetting, ...] = ()


class FilteredSetting(FrozenModel):
    """Inverted lists to scan where a filter leaves this share of the views."""

    share: float = Field(gt=0, lt=1)
    nprobe: int = Field(ge=1)


class SegmentManifest(FrozenModel):
    """One segment: its index type and why, and the parameters tuned for each query modality.

    `filtered` is ordered by share, largest first; below its smallest share, scanning the eligible
    views is faster. `fit` is the mean inner product of sampled views with their list's centre,
    `trained_fit` the same when the lists were trained, in generation `trained_in`. `background`
    counts the vectors of the background sample.
    """

    modality: Modality
    index_type: IndexType = Field(alias="shape")  # the key in stored manifests
    views: int = Field(ge=1)
    products: int = Field(ge=1)
    files: tuple[FileEntry, ...]
    factory: str = ""
    lists: int = Field(default=0, ge=0)
    why: str
    tuned: Mapping[Modality, TunedSetting] = Field(default_factory=dict)
    filtered: tuple[FilteredSetting, ...] = ()
    trained_in: int | None = None
    trained_fit: float = 0.0
    fit: float = 0.0
    background: int = Field(ge=1)

    @property
    def bytes(self) -> int:
        return sum(entry.bytes for entry in self.files)

    @property
    def recall(self) -> float:
        """Recall@10 for queries of the modality with the lowest recall."""
        return min((tuned.recall for tuned in self.tuned.values()), default=1.0)

    @property
    def nprobe(self) -> int:
        """Lists scanned where the query's modality is unknown; 0 in exact search."""
        return max((tuned.nprobe for tuned in self.tuned.values()), default=0)

    @property
    def drift(self) -> float:
        """By what share the lists fit the views worse than those they were trained on."""
        return max(0.0, 1 - self.fit / self.trained_fit) if self.trained_fit else 0.0

    def setting_for(self, query_modality: Modality | None) -> TunedSetting:
        """Return the setting for queries of a modality, the most careful one if it is unknown."""
        if query_modality is not None and query_modality in self.tuned:
            return self.tuned[query_modality]
        nprobe = max((tuned.nprobe for tuned in self.tuned.values()), default=self.lists)
        refine = max((tuned.refine for tuned in self.tuned.values()), default=1)
        queries = sum(tuned.queries for tuned in self.tuned.values())
        return TunedSetting(
            nprobe=nprobe, refine=refine, recall=self.recall, queries=max(1, queries)
        )


class Manifest(FrozenModel):
    """A published generation.

    It holds every change up to `seq`. `previous` was live when this one was published.
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


def encode_manifest(manifest: Manifest) -> bytes:
    return manifest.model_dump_json(indent=2).encode() + b"\n"


def format_checksum(body: bytes) -> bytes:
    """Return the checksum of a manifest as `sha256sum --check` reads it."""
    return f"{sha256_hex(body)}  {MANIFEST}\n".encode()


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest in a generation's folder.

    Raises CorruptGeneration naming the file that is missing or changed.
    """
    body = _read_limited(folder / MANIFEST)
    if _read_limited(folder / CHECKSUM) != format_checksum(body):
        raise CorruptGeneration(f"checksum of {folder / MANIFEST} differs")
    try:
        return Manifest.model_validate_json(body)
    except ValidationError as error:
        raise CorruptGeneration(
            f"{folder / MANIFEST} is not a manifest of format {FORMAT}: {error}"
        ) from error


def _read_limited(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        raise CorruptGeneration(f"{path} cannot be read: {error.strerror}") from error
    if len(body) > MAX_MANIFEST_BYTES:
        raise CorruptGeneration(f"{path} is larger than {MAX_MANIFEST_BYTES} bytes")
    return body


def check_file(folder: Path, entry: FileEntry) -> Path:
    """Check a file's size and checksum; return its path. Raises CorruptGeneration naming it."""
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
