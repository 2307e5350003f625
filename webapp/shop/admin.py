"""The click log in the admin: to be searched and added up. A row can be deleted, when a query
names somebody.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, Sum
from django.http import HttpRequest
from django.template.response import TemplateResponse

from webapp.shop.models import ClickCount


@admin.register(ClickCount)
class ClickCountAdmin(admin.ModelAdmin):
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
        if isinstance(response, TemplateResponse) and "cl" in (response.context_data or {}):
            found = response.context_data["cl"].queryset
            response.context_data["clicks"] = found.aggregate(total=Sum("count", default=0))[
                "total"
            ]
        return response
