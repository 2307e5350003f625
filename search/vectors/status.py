"""The state of an index, as the admin, the API and the metrics report it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from search.config import GpuIndexType
from search.types import Modality, Space
from search.vectors.manifest import IndexType
from search.vectors.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class SegmentStatus:
    """One segment of the generation in use.

    Changes in the delta mask `superseded` of its `views`. `recall` and `drift`: see
    SegmentManifest. `gpu_index_type` is how a GPU searches it; None where the processor does.
    """

    modality: Modality
    index_type: IndexType
    views: int
    superseded: int
    bytes: int
    recall: float
    nprobe: int
    drift: float
    why: str
    gpu_index_type: GpuIndexType | None = None


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """The state of an index reader.

    `fault` says why the live generation is not the one in use. `delta_products` counts products
    changed since the generation, deletions included; `delta_views` their searchable views; `views`
    all searchable views; `age_s` is the generation's age in seconds.
    """

    space: str
    preset: str
    dim: int
    seq: int
    generation: int | None
    generation_seq: int
    created_at: datetime.datetime | None
    age_s: float | None
    segments: tuple[SegmentStatus, ...]
    delta_products: int
    delta_views: int
    views: int
    fault: str | None


def describe_index(snapshot: Snapshot[Any], space: Space, fault: str | None) -> IndexStatus:
    """Return the status of one snapshot."""
    manifest = snapshot.generation.manifest if snapshot.generation else None
    created = manifest.created_at if manifest else None
    return IndexStatus(
        space=space.fingerprint,
        preset=space.preset,
        dim=space.dim,
        seq=snapshot.seq,
        generation=manifest.number if manifest else None,
        generation_seq=snapshot.generation_seq,
        created_at=created,
        age_s=(datetime.datetime.now(datetime.UTC) - created).total_seconds() if created else None,
        segments=tuple(_describe_segment(snapshot, modality) for modality in snapshot.segments),
        delta_products=len(snapshot.changed),
        delta_views=sum(part.live_rows.size for part in snapshot.delta.values()),
        views=sum(snapshot.count(modality) for modality in Modality),
        fault=fault,
    )


def _describe_segment(snapshot: Snapshot[Any], modality: Modality) -> SegmentStatus:
    segment = snapshot.segments[modality]
    manifest = segment.manifest
    return SegmentStatus(
        modality=modality,
        index_type=manifest.index_type,
        views=manifest.views,
        superseded=snapshot.count_superseded(modality),
        bytes=manifest.bytes,
        recall=segment.recall,
        nprobe=manifest.nprobe,
        drift=manifest.drift,
        why=manifest.why,
        gpu_index_type=segment.gpu_index_type,
    )
