"""Model changes: progress, comparison, and the model in use.

They are started and rolled back in a terminal.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webapp.catalog.admin.base import ReadOnlyAdmin, make_badge
from webapp.catalog.models import ModelChange, ModelChangeState

MILLISECONDS = " ms"


def compare_metrics(change: ModelChange) -> list[tuple[str, str, str, str, str]]:
    """Return (metric, before, after, difference, CSS class) of each metric, formatted."""
    rows = []
    for name, after in change.after.items():
        before, is_time = change.before[name], name.endswith(MILLISECONDS)
        digits = 1 if is_time else 3
        tone = "" if is_time or after == before else "rise" if after > before else "error"
        rows.append(
            (
                name,
                f"{before:.{digits}f}",
                f"{after:.{digits}f}",
                f"{after - before:+.{digits}f}",
                tone,
            )
        )
    return rows


@admin.register(ModelChange)
class ModelChangeAdmin(ReadOnlyAdmin):
    """List and page of model changes."""

    list_display = [
        "number",
        "previous_preset",
        "preset",
        "badge",
        "gained",
        "created_at",
        "finished_at",
    ]
    list_filter = ["state", "preset"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.progress_view)
        return [
            path("<int:pk>/progress/", view, name="catalog_modelchange_progress"),
            *super().get_urls(),
        ]

    @admin.display(description=gettext_lazy("change of model"), ordering="pk")
    def number(self, change: ModelChange) -> str:
        return f"#{change.pk}"

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def badge(self, change: ModelChange) -> SafeString:
        return make_badge(*displayed_state(change))

    @admin.display(description=gettext_lazy("gain in mAP"), ordering="gain")
    def gained(self, change: ModelChange) -> str:
        return "" if change.gain is None else f"{change.gain:+.3f}"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        change = self.get_visible(request, object_id)
        title = _("Change of model #%(number)d") % {"number": change.pk}
        context = progress_context(change) | {"title": title} | (extra_context or {})
        return self.render_page(request, "admin/catalog/modelchange/page.html", context)

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the part of the page that reloads itself while the change runs."""
        context = progress_context(self.get_visible(request, pk))
        return render(request, "admin/catalog/modelchange/progress.html", context)


def displayed_state(change: ModelChange) -> tuple[str, str]:
    """Return the state for the badge and its label."""
    if change.is_interrupted:
        return ModelChangeState.FAILED, _("interrupted")
    return change.state, str(change.get_state_display())


def progress_context(change: ModelChange) -> dict[str, Any]:
    state, label = displayed_state(change)
    return {
        "change": change,
        "original": change,
        "badge": state,
        "state": label,
        "comparison": compare_metrics(change),
        "overlap": None if change.overlap is None else f"{change.overlap:.0%}",
        "percent": change.done * 100 // change.total if change.total else None,
    }
