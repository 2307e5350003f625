"""Bulk uploads: create, follow and cancel them; list their rows; download the failed rows."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Any

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from webapp.api.idempotency import idempotent
from webapp.api.openapi import file_body, operation
from webapp.api.pagination import keyset_page
from webapp.api.parsing import read_form, read_query, require_file
from webapp.api.problems import Conflict
from webapp.api.schemas.uploads import (
    RowPage,
    RowQuery,
    UploadDetailResponse,
    UploadForm,
    UploadPage,
    UploadQuery,
)
from webapp.api.scopes import Scope
from webapp.api.views.base import ApiView, json_response
from webapp.catalog.models import Upload
from webapp.catalog.models.upload import UploadSource
from webapp.config import web_settings
from webapp.importing.failed_rows import write_failed_rows
from webapp.importing.service import cancel_upload, create_upload

FILES = {
    "file": "The catalogue: CSV, XLSX or JSON Lines",
    "media": "A zip with the files that rows name by path",
}
FORM_OVERHEAD = 1024 * 1024
"""Bytes that the form may add to those of the files."""
CHUNK_BYTES = 64 * 1024
MAX_MEMORY_BYTES = 1024 * 1024
"""A larger file of failed rows is written to disk."""


class UploadListView(ApiView):
    """Uploads, newest first."""

    scopes = {"GET": Scope.UPLOADS_READ, "POST": Scope.UPLOADS_WRITE}
    parser_classes = [MultiPartParser]
    body_max_bytes = 2 * web_settings().upload_max_bytes + FORM_OVERHEAD

    @operation(
        operation_id="uploads_list",
        tags=["uploads"],
        summary="List uploads, newest first",
        query=UploadQuery,
        responses={200: UploadPage},
    )
    def get(self, request: Request) -> HttpResponse:
        query = read_query(request, UploadQuery)
        uploads = Upload.objects.filter(state=query.state) if query.state else Upload.objects.all()
        page = keyset_page(
            uploads, cursor=query.cursor, limit=query.limit, scope=query.state, newest_first=True
        )
        return json_response(UploadPage.write(page))

    @operation(
        operation_id="uploads_create",
        tags=["uploads"],
        summary="Upload a catalogue",
        description="Accepted when the files are stored; a worker imports them. "
        "The Location header is the address of the progress.",
        body={"multipart/form-data": file_body(UploadForm, FILES, required=["file"])},
        responses={202: UploadDetailResponse},
        problems=(413, 415),
        idempotent=True,
    )
    @idempotent
    def post(self, request: Request) -> HttpResponse:
        form, files = read_form(request, UploadForm, FILES)
        file = require_file(files, "file", UploadForm)
        upload = create_upload(
            file=file,
            source=UploadSource.API,
            media_zip=files.get("media"),
            dry_run=form.dry_run,
            remove_absent=form.remove_absent,
            created_by=request.user if isinstance(request.user, User) else None,
        )
        address = reverse("api:upload", args=[upload.public_id])
        document = UploadDetailResponse.write(upload)
        return json_response(document, status=202, headers={"Location": address})


class UploadView(ApiView):
    """One upload."""

    scopes = {"GET": Scope.UPLOADS_READ}

    @operation(
        operation_id="uploads_read",
        tags=["uploads"],
        summary="Progress of an upload",
        responses={200: UploadDetailResponse},
        problems=(404,),
    )
    def get(self, request: Request, upload_id: Any) -> HttpResponse:
        return json_response(
            UploadDetailResponse.write(get_object_or_404(Upload, public_id=upload_id))
        )


class UploadRowsView(ApiView):
    """The rows of an upload and their outcomes."""

    scopes = {"GET": Scope.UPLOADS_READ}

    @operation(
        operation_id="uploads_rows",
        tags=["uploads"],
        summary="Outcome of each row",
        query=RowQuery,
        responses={200: RowPage},
        problems=(404,),
    )
    def get(self, request: Request, upload_id: Any) -> HttpResponse:
        query = read_query(request, RowQuery)
        upload = get_object_or_404(Upload, public_id=upload_id)
        filters = query.model_dump(include={"outcome", "warned"}, exclude_none=True)
        page = keyset_page(
            upload.rows.filter(**filters),
            cursor=query.cursor,
            limit=query.limit,
            scope=(upload.pk, sorted(filters.items())),
        )
        return json_response(RowPage.write(page))


class FailedRowsView(ApiView):
    """The failed rows of an upload, in the format of the upload."""

    scopes = {"GET": Scope.UPLOADS_READ}

    @operation(
        operation_id="uploads_failed_rows",
        tags=["uploads"],
        summary="Download the failed rows, to fix and upload again",
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/x-ndjson"): OpenApiTypes.STR,
        },
        problems=(404,),
    )
    def get(self, request: Request, upload_id: Any) -> StreamingHttpResponse:
        upload = get_object_or_404(Upload, public_id=upload_id)
        folder = str(settings.FILE_UPLOAD_TEMP_DIR)
        rows = tempfile.SpooledTemporaryFile(MAX_MEMORY_BYTES, dir=folder)  # noqa: SIM115
        name = write_failed_rows(upload=upload, out=rows)
        kind = "text/csv" if name.endswith(".csv") else "application/x-ndjson"
        headers = {
            "Content-Disposition": content_disposition_header(as_attachment=True, filename=name)
            or ""
        }
        return StreamingHttpResponse(_read_and_close(rows), content_type=kind, headers=headers)


class UploadCancelView(ApiView):
    """Cancellation of an upload."""

    scopes = {"POST": Scope.UPLOADS_WRITE}

    @operation(
        operation_id="uploads_cancel",
        tags=["uploads"],
        summary="Cancel an upload; rows already imported stay",
        responses={200: UploadDetailResponse},
        problems=(404, 409),
    )
    def post(self, request: Request, upload_id: Any) -> HttpResponse:
        upload = get_object_or_404(Upload, public_id=upload_id)
        if upload.is_finished:
            raise Conflict(f"The upload has already finished ({upload.state}).")
        return json_response(UploadDetailResponse.write(cancel_upload(upload=upload)))


def _read_and_close(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the file from its start and close it."""
    with file:
        file.seek(0)
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
