"""Shared parts of the admin pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

STYLE = {"all": ["catalog/admin.css"]}


def make_badge(state: str, label: object) -> SafeString:
    """Return a coloured label; `state` selects the colour."""
    return format_html('<span class="badge badge-{}">{}</span>', state, label)


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Records that only the application writes: nobody adds, changes or deletes them here."""

    class Media:
        css = STYLE

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_visible(self, request: HttpRequest, pk: str | int) -> Any:
        """Return the record of this id. Raises Http404 or PermissionDenied."""
        related = self.list_select_related
        records = self.get_queryset(request)
        if isinstance(related, list | tuple):
            records = records.select_related(*related)
        record = get_object_or_404(records, pk=pk)
        if not self.has_view_permission(request, record):
            raise PermissionDenied
        return record

    def render_page(
        self, request: HttpRequest, template: str, context: dict[str, Any]
    ) -> HttpResponse:
        """Return a page of its own instead of the record's form."""
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        return TemplateResponse(request, template, common | context)
