"""Index jobs and the embeddings they made."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from webapp.catalog.admin.read_only import ReadOnlyAdmin
from webapp.catalog.models import Embedding, IndexJob
from webapp.catalog.models.spans import BYTES as SPAN_BYTES
from webapp.catalog.services.jobs import retry_jobs


@admin.register(IndexJob)
class IndexJobAdmin(ReadOnlyAdmin):
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

    @admin.action(description=_("Try again (jobs set aside)"))
    def retry(self, request: HttpRequest, queryset: QuerySet[IndexJob]) -> None:
        count = retry_jobs(jobs=queryset)
        text = ngettext("%(count)d job is queued again.", "%(count)d jobs are queued again.", count)
        messages.success(request, text % {"count": count})


@admin.register(Embedding)
class EmbeddingAdmin(ReadOnlyAdmin):
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

    @admin.display(description=_("parts of a clip"))
    def parts(self, embedding: Embedding) -> int:
        return len(embedding.spans) // SPAN_BYTES

    @admin.display(description=_("bytes"))
    def bytes(self, embedding: Embedding) -> int:
        return len(embedding.vector)
