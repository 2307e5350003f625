"""Index jobs and the state of the index."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from webapp.api.schemas.base import Cursor, ModalityName, PageSize, Schema, Timestamp

JobStateName = Literal["queued", "claimed", "done", "failed"]


class JobQuery(Schema):
    state: JobStateName | None = None
    modality: ModalityName | None = None
    limit: PageSize = 50
    cursor: Cursor = ""


class JobResponse(Schema):
    """One content to encode into one space."""

    id: int
    space: str
    modality: ModalityName
    content_hash: str
    state: JobStateName
    attempts: int
    error_code: str
    error: str
    created: Timestamp
    not_before: Timestamp
    finished: Timestamp | None


class JobPage(Schema):
    items: list[JobResponse]
    next_cursor: str


class SegmentResponse(Schema):
    modality: ModalityName
    shape: str
    views: int
    superseded: int = Field(description="views hidden by newer changes")
    bytes: int
    recall: float | None = Field(description="recall@10 against exact search")
    gpu_shape: str | None = Field(
        description="how a GPU searches it: exact (all vectors are scanned), ivf_pq or cagra; null: the processor does"
    )


class QueueResponse(Schema):
    queued: int
    claimed: int
    done: int
    failed: int


class IndexResponse(Schema):
    space: str
    preset: str
    dim: int
    generation: int | None
    generation_seq: int
    created: Timestamp | None
    age_s: float | None
    seq: int
    views: int
    delta_products: int
    delta_views: int
    fault: str | None = Field(description="why the live generation is not in use")
    segments: list[SegmentResponse]
    queue: QueueResponse = Field(description="index jobs of this space by state")
