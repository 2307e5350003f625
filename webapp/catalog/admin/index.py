"""Index jobs, embeddings, and index generations below the state of the index."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from search.errors import OmnishelfError
from webapp.catalog.admin.base import ReadOnlyAdmin
from webapp.catalog.models import Embedding, IndexGeneration, IndexJob
from webapp.catalog.models.spans import BYTES as SPAN_BYTES
from webapp.catalog.selectors.uploads import count_jobs
from webapp.catalog.services.jobs import retry_jobs
from webapp.retrieval.models_runtime import active_space, index_status


@admin.register(IndexJob)
class IndexJobAdmin(ReadOnlyAdmin):
    """Contents to encode; failed ones can be retried."""

    list_display = [
        "content",
        "modality",
        "state",
        "attempts",
        "error",
        "claimed_by",
        "created_at",
        "finished_at",
    ]
    list_filter = ["state", "modality", "space", "error_code"]
    search_fields = ["content_hash", "error"]
    show_full_result_count = False
    actions = ["retry"]

    @admin.display(description=_("content"), ordering="content_hash")
    def content(self, job: IndexJob) -> str:
        return job.content_hash[:12]

    @admin.action(description=_("Retry failed jobs"))
    def retry(self, request: HttpRequest, queryset: QuerySet[IndexJob]) -> None:
        count = retry_jobs(jobs=queryset)
        text = ngettext("%(count)d job is queued again.", "%(count)d jobs are queued again.", count)
        messages.success(request, text % {"count": count})


@admin.register(Embedding)
class EmbeddingAdmin(ReadOnlyAdmin):
    """Stored embeddings, without their vectors."""

    list_display = ["content", "modality", "space", "created_at"]
    list_filter = ["modality", "space"]
    search_fields = ["content_hash"]
    show_full_result_count = False
    fields = ["modality", "content_hash", "space", "parts", "bytes", "created_at"]
    readonly_fields = ["parts", "bytes"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Embedding]:
        return super().get_queryset(request).defer("vector", "spans")

    @admin.display(description=_("content"), ordering="content_hash")
    def content(self, embedding: Embedding) -> str:
        return embedding.content_hash[:12]

    @admin.display(description=_("clip segments"))
    def parts(self, embedding: Embedding) -> int:
        return len(embedding.spans) // SPAN_BYTES

    @admin.display(description=_("bytes"))
    def bytes(self, embedding: Embedding) -> int:
        return len(embedding.vector)


@admin.register(IndexGeneration)
class IndexGenerationAdmin(ReadOnlyAdmin):
    """Published generations; above them, the index as this process searches it."""

    change_list_template = "admin/catalog/indexgeneration/list.html"
    list_display = ["number", "space", "state", "views", "seq", "published_at", "error"]
    list_filter = ["state", "space"]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, status_context() | (extra_context or {}))


def status_context() -> dict[str, Any]:
    """Return the state of index and queue, or the error of an index that cannot be read."""
    try:
        space = active_space()
        return {"status": index_status(), "queue": count_jobs(space=space.fingerprint)}
    except OmnishelfError as error:
        return {"status_error": str(error)}
