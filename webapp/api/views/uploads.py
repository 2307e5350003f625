"""Bulk uploads: sent, followed, cancelled; their rows; failed rows as a file to mend."""

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
from webapp.api.pagination import keyset_page
from webapp.api.parsing import field_errors, read_form, read_query
from webapp.api.problems import Conflict
from webapp.api.responses import Document, row_document, upload_document
from webapp.api.schema import file_body, operation
from webapp.api.schemas.uploads import (
    RowPage,
    RowQuery,
    UploadDetail,
    UploadForm,
    UploadPage,
    UploadQuery,
)
from webapp.api.scopes import Scope
from webapp.api.views.base import ApiView, answer
from webapp.catalog.models import Upload
from webapp.catalog.models.upload import UploadSource
from webapp.catalog.selectors.uploads import count_upload_jobs
from webapp.config import web_settings
from webapp.importing.failed_rows import write_failed_rows
from webapp.importing.service import cancel_upload, create_upload

FILES = {
    "file": "The catalogue: CSV, XLSX or JSON Lines",
    "media": "A zip with the files that rows name by path",
}
FORM_OVERHEAD = 1024 * 1024
KEPT_IN_MEMORY = 1024 * 1024


class UploadListView(ApiView):
    scopes = {"GET": Scope.UPLOADS_READ, "POST": Scope.UPLOADS_WRITE}
    parser_classes = [MultiPartParser]
    body_max_bytes = 2 * web_settings().upload_max_bytes + FORM_OVERHEAD

    @operation(
        operation_id="uploads_list",
        tags=["uploads"],
        summary="List uploads, newest first",
        query=UploadQuery,
        answers={200: UploadPage},
    )
    def get(self, request: Request) -> HttpResponse:
        asked = read_query(request, UploadQuery)
        uploads = Upload.objects.filter(state=asked.state) if asked.state else Upload.objects.all()
        page, cursor = keyset_page(
            uploads, cursor=asked.cursor, limit=asked.limit, asked=asked.state, newest_first=True
        )
        return answer(
            {"items": [upload_document(upload) for upload in page], "next_cursor": cursor}
        )

    @operation(
        operation_id="uploads_create",
        tags=["uploads"],
        summary="Upload a catalogue",
        description="Accepted once the files are stored; a worker imports them. Follow the answer's Location.",
        body={"multipart/form-data": file_body(UploadForm, FILES, required=["file"])},
        answers={202: UploadDetail},
        problems=(413, 415),
        idempotent=True,
    )
    @idempotent
    def post(self, request: Request) -> HttpResponse:
        asked, files = read_form(request, UploadForm, FILES)
        if "file" not in files:
            raise field_errors(UploadForm, {"file": "A file is needed"})
        file = files["file"]
        upload = create_upload(
            file=file,
            filename=file.name or "catalogue",
            source=UploadSource.API,
            media_zip=files.get("media"),
            dry_run=asked.dry_run,
            remove_absent=asked.remove_absent,
            created_by=request.user if isinstance(request.user, User) else None,
        )
        return answer(_detail(upload), status=202, headers={"Location": _address(upload)})


class UploadView(ApiView):
    scopes = {"GET": Scope.UPLOADS_READ}

    @operation(
        operation_id="uploads_read",
        tags=["uploads"],
        summary="Progress of an upload",
        answers={200: UploadDetail},
        problems=(404,),
    )
    def get(self, request: Request, upload_id: Any) -> HttpResponse:
        return answer(_detail(get_object_or_404(Upload, public_id=upload_id)))


class UploadRowsView(ApiView):
    scopes = {"GET": Scope.UPLOADS_READ}

    @operation(
        operation_id="uploads_rows",
        tags=["uploads"],
        summary="What became of each row",
        query=RowQuery,
        answers={200: RowPage},
        problems=(404,),
    )
    def get(self, request: Request, upload_id: Any) -> HttpResponse:
        asked = read_query(request, RowQuery)
        upload = get_object_or_404(Upload, public_id=upload_id)
        wanted = {
            name: value
            for name in ("outcome", "warned")
            if (value := getattr(asked, name)) is not None
        }
        page, cursor = keyset_page(
            upload.rows.filter(**wanted),
            cursor=asked.cursor,
            limit=asked.limit,
            asked=(upload.pk, sorted(wanted.items())),
        )
        return answer({"items": [row_document(row) for row in page], "next_cursor": cursor})


class FailedRowsView(ApiView):
    scopes = {"GET": Scope.UPLOADS_READ}

    @operation(
        operation_id="uploads_failed_rows",
        tags=["uploads"],
        summary="Failed rows as a file to mend and upload again",
        answers={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/x-ndjson"): OpenApiTypes.STR,
        },
        problems=(404,),
    )
    def get(self, request: Request, upload_id: Any) -> StreamingHttpResponse:
        upload = get_object_or_404(Upload, public_id=upload_id)
        rows = tempfile.SpooledTemporaryFile(KEPT_IN_MEMORY, dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115
        name = write_failed_rows(upload=upload, out=rows)
        kind = "text/csv" if name.endswith(".csv") else "application/x-ndjson"
        headers = {
            "Content-Disposition": content_disposition_header(as_attachment=True, filename=name)
            or ""
        }
        return StreamingHttpResponse(_sent(rows), content_type=kind, headers=headers)


class UploadCancelView(ApiView):
    scopes = {"POST": Scope.UPLOADS_WRITE}

    @operation(
        operation_id="uploads_cancel",
        tags=["uploads"],
        summary="Stop an upload; rows already applied stay",
        answers={200: UploadDetail},
        problems=(404, 409),
    )
    def post(self, request: Request, upload_id: Any) -> HttpResponse:
        upload = get_object_or_404(Upload, public_id=upload_id)
        if upload.is_finished:
            raise Conflict(f"The upload is finished already ({upload.state}).")
        return answer(_detail(cancel_upload(upload=upload)))


def _sent(file: IO[bytes]) -> Iterator[bytes]:
    """The file from its start, closed at its end."""
    with file:
        file.seek(0)
        while piece := file.read(KEPT_IN_MEMORY):
            yield piece


def _detail(upload: Upload) -> Document:
    return {**upload_document(upload), "encoding": count_upload_jobs(upload=upload)}


def _address(upload: Upload) -> str:
    return reverse("api:upload", args=[upload.public_id])
