"""Published index generations, below the state of the index as this process searches it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from search.errors import OmnishelfError
from webapp.catalog.admin.read_only import ReadOnlyAdmin
from webapp.catalog.models import IndexGeneration
from webapp.catalog.selectors.uploads import count_jobs
from webapp.retrieval.models_runtime import active_space, index_status


@admin.register(IndexGeneration)
class IndexGenerationAdmin(ReadOnlyAdmin):
    change_list_template = "admin/catalog/indexgeneration/list.html"
    list_display = ["number", "space", "state", "views", "seq", "published_at", "error"]
    list_filter = ["state", "space"]

    class Media:
        css = {"all": ["catalog/admin.css"]}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, status_context() | (extra_context or {}))


def status_context() -> dict[str, Any]:
    """The index and the queue; where the index cannot be read, why."""
    try:
        space = active_space()
        return {"status": index_status(), "queue": count_jobs(space=space.fingerprint)}
    except OmnishelfError as error:
        return {"status_error": str(error)}
