"""Changes of model: how far one is, what the questions said, which is in use. A terminal starts
and takes them back.
"""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webapp.catalog.admin.read_only import ReadOnlyAdmin
from webapp.catalog.models import ModelChange, ModelChangeState

MILLISECONDS = " ms"


def compared(change: ModelChange) -> list[tuple[str, str, str, str, str]]:
    """(metric, before, after, change, 'rise' or 'error' or '') of each metric, as shown."""
    rows = []
    for name, after in change.after.items():
        before, timed = change.before[name], name.endswith(MILLISECONDS)
        digits = 1 if timed else 3
        tone = "" if timed or after == before else "rise" if after > before else "error"
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

    class Media:
        css = {"all": ["catalog/admin.css"]}

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
        return format_html('<span class="badge badge-{}">{}</span>', *shown_state(change))

    @admin.display(description=gettext_lazy("gain in mAP"), ordering="gain")
    def gained(self, change: ModelChange) -> str:
        return "" if change.gain is None else f"{change.gain:+.3f}"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict | None = None,
    ) -> HttpResponse:
        change = self._change(request, object_id)
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        title = _("Change of model #%(number)d") % {"number": change.pk}
        context = common | _shown(change) | {"title": title} | (extra_context or {})
        return TemplateResponse(request, "admin/catalog/modelchange/page.html", context)

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The part of the page that renews itself while something is going on."""
        return render(
            request, "admin/catalog/modelchange/progress.html", _shown(self._change(request, pk))
        )

    def _change(self, request: HttpRequest, object_id: str | int) -> ModelChange:
        change: ModelChange = get_object_or_404(ModelChange, pk=object_id)
        if not self.has_view_permission(request, change):
            raise PermissionDenied
        return change


def shown_state(change: ModelChange) -> tuple[str, str]:
    """The badge's name and its words."""
    if change.is_interrupted:
        return ModelChangeState.FAILED, _("interrupted")
    return change.state, str(change.get_state_display())


def _shown(change: ModelChange) -> dict[str, object]:
    badge, state = shown_state(change)
    return {
        "change": change,
        "original": change,
        "badge": badge,
        "state": state,
        "comparison": compared(change),
        "overlap": None if change.overlap is None else f"{change.overlap:.0%}",
        "percent": change.done * 100 // change.total if change.total else None,
    }
