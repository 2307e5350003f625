"""The click log in the admin: read-only, searchable, with a total of the clicks shown.

A row can be deleted, for example when a query names a person.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, Sum
from django.http import HttpRequest
from django.template.response import TemplateResponse

from webapp.clicklog.models import ClickCount


@admin.register(ClickCount)
class ClickCountAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """List of click counts; the list page adds up the clicks that match its filters."""

    list_display = ["query", "product", "day", "count"]
    list_select_related = ["product"]
    list_filter = ["day"]
    search_fields = ["query", "product__sku", "product__title"]
    date_hierarchy = "day"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        response = super().changelist_view(request, extra_context)
        context = response.context_data if isinstance(response, TemplateResponse) else None
        if context and "cl" in context:
            counts = context["cl"].queryset
            context["clicks"] = counts.aggregate(total=Sum("count", default=0))["total"]
        return response
