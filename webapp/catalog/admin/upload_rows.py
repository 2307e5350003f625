"""The outcome of every row of every upload."""

from __future__ import annotations

import json

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from webapp.catalog.admin.read_only import ReadOnlyAdmin
from webapp.catalog.models import UploadRow


@admin.register(UploadRow)
class UploadRowAdmin(ReadOnlyAdmin):
    list_display = ["number", "sku", "badge", "reasons", "upload"]
    list_filter = ["outcome", "warned"]
    list_select_related = ["upload"]
    search_fields = ["=sku"]
    show_full_result_count = False
    fields = ["upload", "number", "sku", "outcome", "reasons", "uploaded"]
    readonly_fields = ["reasons", "uploaded"]

    class Media:
        css = {"all": ["catalog/admin.css"]}

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "upload__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("outcome"), ordering="outcome")
    def badge(self, row: UploadRow) -> SafeString:
        return format_html(
            '<span class="badge badge-{}">{}</span>', row.outcome, row.get_outcome_display()
        )

    @admin.display(description=_("reasons"))
    def reasons(self, row: UploadRow) -> SafeString | str:
        lines = ((message["reason"],) for message in row.messages)
        return format_html_join("", "<div>{}</div>", lines) or "–"

    @admin.display(description=_("row as uploaded"))
    def uploaded(self, row: UploadRow) -> SafeString | str:
        return (
            format_html("<pre>{}</pre>", json.dumps(row.raw, indent=2, ensure_ascii=False))
            if row.raw
            else "–"
        )
