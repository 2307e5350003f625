"""Bulk uploads, their progress and their rows."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from webapp.api.schemas.base import Cursor, PageSize, Schema, Timestamp

UploadStateName = Literal["received", "running", "done", "failed", "cancelled"]
OutcomeName = Literal["created", "updated", "unchanged", "error"]


class UploadForm(Schema):
    """Options of an upload, beside the files `file` (CSV, XLSX or JSON Lines) and `media` (a
    zip).
    """

    dry_run: bool = Field(False, description="check rows and media, change nothing")
    remove_absent: bool = Field(False, description="remove products that the file does not name")


class UploadQuery(Schema):
    state: UploadStateName | None = None
    limit: PageSize = 50
    cursor: Cursor = ""


class RowQuery(Schema):
    outcome: OutcomeName | None = None
    warned: bool | None = Field(None, description="only rows with warnings, or only without")
    limit: PageSize = 100
    cursor: Cursor = ""


class RowCounts(Schema):
    created: int
    updated: int
    unchanged: int
    warnings: int
    errors: int
    removed: int


class EncodingCounts(Schema):
    """Jobs of this upload's contents."""

    queued: int
    claimed: int
    done: int
    failed: int


class UploadResponse(Schema):
    id: str
    filename: str
    source: Literal["admin", "api", "terminal"]
    dry_run: bool
    remove_absent: bool
    state: UploadStateName
    error: str
    notes: list[Any] = Field(description="remarks on the whole file")
    total_rows: int | None
    rows_handled: int
    counts: RowCounts
    created: Timestamp
    started: Timestamp | None
    finished: Timestamp | None


class UploadDetail(UploadResponse):
    encoding: EncodingCounts


class UploadPage(Schema):
    items: list[UploadResponse]
    next_cursor: str


class RowResponse(Schema):
    number: int = Field(description="as a spreadsheet counts")
    sku: str
    outcome: OutcomeName
    warned: bool
    messages: list[Any] = Field(description="level, field and reason")


class RowPage(Schema):
    items: list[RowResponse]
    next_cursor: str
