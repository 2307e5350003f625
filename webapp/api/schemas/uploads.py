"""Bulk uploads, their progress and their rows."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from webapp.api.schemas.base import (
    ITSELF,
    Convert,
    ResponseSchema,
    Schema,
    Source,
    Timestamp,
)
from webapp.api.schemas.index import JobCountsResponse
from webapp.catalog.models import Upload
from webapp.catalog.selectors.uploads import JobCounts, count_upload_jobs
from webapp.retrieval.models_runtime import active_space
from webapp.retrieval.search_query import Cursor, PageSize

UploadStateName = Literal["received", "running", "done", "failed", "cancelled"]
OutcomeName = Literal["created", "updated", "unchanged", "error"]


class UploadForm(Schema):
    """Options that are sent with the files `file` (CSV, XLSX, JSON Lines) and `media` (zip)."""

    dry_run: bool = Field(False, description="check rows and media, change nothing")
    remove_absent: bool = Field(False, description="remove products that are not in the file")


class UploadQuery(Schema):
    """Filters of the list of uploads."""

    state: UploadStateName | None = None
    limit: PageSize = 50
    cursor: Cursor = ""


class RowQuery(Schema):
    """Filters of the list of rows."""

    outcome: OutcomeName | None = None
    warned: bool | None = Field(None, description="only rows with warnings, or only without")
    limit: PageSize = 100
    cursor: Cursor = ""


class RowCountsResponse(ResponseSchema):
    """Number of rows by outcome."""

    created: Annotated[int, Source("created_count")]
    updated: Annotated[int, Source("updated_count")]
    unchanged: Annotated[int, Source("unchanged_count")]
    warnings: Annotated[int, Source("warning_count")]
    errors: Annotated[int, Source("error_count")]
    removed: Annotated[int, Source("removed_count")]


class UploadResponse(ResponseSchema):
    """An upload and the progress of its import."""

    id: Annotated[str, Source("public_id"), Convert(str)]
    filename: str
    source: Literal["admin", "api", "terminal"]
    dry_run: bool
    remove_absent: bool
    state: UploadStateName
    error: str
    notes: list[Any] = Field(description="notes on the whole file")
    total_rows: int | None
    rows_handled: Annotated[int, Source("next_row")]
    counts: Annotated[RowCountsResponse, ITSELF]
    created: Annotated[Timestamp, Source("created_at")]
    started: Annotated[Timestamp | None, Source("started_at")]
    finished: Annotated[Timestamp | None, Source("finished_at")]


def _encoding(upload: Upload, _context: None) -> JobCounts:
    return count_upload_jobs(upload=upload, space=active_space().fingerprint)


class UploadDetailResponse(UploadResponse):
    """An upload, the progress of its import and of its encoding."""

    encoding: Annotated[JobCountsResponse, Source(_encoding), Convert(dict)] = Field(
        description="index jobs of the contents of this upload by state"
    )


class UploadPage(ResponseSchema):
    """A page of uploads."""

    items: list[UploadResponse]
    next_cursor: str


class RowResponse(ResponseSchema):
    """The outcome of a row."""

    number: int = Field(description="row number as in a spreadsheet")
    sku: str
    outcome: OutcomeName
    warned: bool
    messages: list[Any] = Field(description="level, field and reason")


class RowPage(ResponseSchema):
    """A page of rows."""

    items: list[RowResponse]
    next_cursor: str
