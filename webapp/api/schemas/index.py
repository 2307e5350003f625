"""Index jobs and the state of the index."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from search.vectors.status import IndexStatus
from webapp.api.schemas.base import (
    Convert,
    ModalityName,
    ResponseSchema,
    Schema,
    Source,
    Timestamp,
)
from webapp.catalog.selectors.uploads import JobCounts, count_jobs
from webapp.retrieval.search_query import Cursor, PageSize

JobStateName = Literal["queued", "claimed", "done", "failed"]


class JobQuery(Schema):
    """Filters of the list of jobs."""

    state: JobStateName | None = None
    modality: ModalityName | None = None
    limit: PageSize = 50
    cursor: Cursor = ""


class JobResponse(ResponseSchema):
    """An index job: one content to encode into one space."""

    id: Annotated[int, Source("pk")]
    space: str
    modality: ModalityName
    content_hash: str
    state: JobStateName
    attempts: int
    error_code: str
    error: str
    created: Annotated[Timestamp, Source("created_at")]
    not_before: Timestamp
    finished: Annotated[Timestamp | None, Source("finished_at")]


class JobPage(ResponseSchema):
    """A page of index jobs."""

    items: list[JobResponse]
    next_cursor: str


class JobCountsResponse(ResponseSchema):
    """Number of index jobs by state."""

    queued: int
    claimed: int
    done: int
    failed: int


class SegmentResponse(ResponseSchema):
    """A segment of the index: the views of one modality."""

    modality: ModalityName
    shape: Annotated[str, Source("index_type")]
    views: int
    superseded: int = Field(description="views hidden by newer changes")
    bytes: int
    recall: float | None = Field(description="recall@10 against exact search")
    gpu_shape: Annotated[str | None, Source("gpu_index_type")] = Field(
        description="how the GPU searches it: exact (all vectors are scanned), ivf_pq or cagra; "
        "null: the CPU searches it"
    )


def _queue(status: IndexStatus, _context: None) -> JobCounts:
    return count_jobs(space=status.space)


class IndexResponse(ResponseSchema):
    """The state of the index in the process that answers."""

    space: str
    preset: str
    dim: int
    generation: int | None
    generation_seq: int
    created: Annotated[Timestamp | None, Source("created_at")]
    age_s: float | None
    seq: int
    views: int
    delta_products: int
    delta_views: int
    fault: str | None = Field(description="why the live generation is not in use")
    segments: list[SegmentResponse]
    queue: Annotated[JobCountsResponse, Source(_queue), Convert(dict)] = Field(
        description="index jobs of this space by state"
    )
