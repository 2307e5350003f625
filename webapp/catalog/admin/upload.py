"""Uploads: send a catalogue, follow the import, cancel it, download failed rows."""

from __future__ import annotations

import json
import tempfile
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from search.errors import InputError
from webapp.catalog.admin.base import ReadOnlyAdmin, make_badge
from webapp.catalog.admin.upload_progress import UploadProgress
from webapp.catalog.models import Upload, UploadRow
from webapp.catalog.models.upload import UploadSource
from webapp.importing.columns import COLUMNS
from webapp.importing.failed_rows import write_failed_rows
from webapp.importing.service import cancel_upload, create_upload

MAX_FILE_IN_MEMORY = 4 * 1024 * 1024
"""Bytes of a file of failed rows that are kept in memory; a larger one is written to disk."""


class UploadForm(forms.Form):
    """A catalogue file, its media and options."""

    file = forms.FileField(
        label=gettext_lazy("Catalogue file"),
        max_length=255,
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx,.jsonl,.ndjson"}),
        help_text=gettext_lazy(
            "CSV, Excel (.xlsx) or JSON Lines, one product per row. The sku column is required."
        ),
    )
    media_zip = forms.FileField(
        label=gettext_lazy("Zip with media"),
        required=False,
        max_length=255,
        widget=forms.ClearableFileInput(attrs={"accept": ".zip"}),
        help_text=gettext_lazy(
            "The files named in the columns images, audio and video. Not needed for web addresses."
        ),
    )
    dry_run = forms.BooleanField(
        label=gettext_lazy("Dry run"),
        required=False,
        help_text=gettext_lazy("Checks every row and every media file, changes nothing."),
    )
    remove_absent = forms.BooleanField(
        label=gettext_lazy("Remove products that the file does not list"),
        required=False,
        help_text=gettext_lazy(
            "For complete catalogues. If a row has no readable SKU, nothing is removed."
        ),
    )

    def save(self, user: User) -> Upload | None:
        """Return the stored upload; None if it was refused, with the reason as a form error."""
        data = self.cleaned_data
        try:
            return create_upload(
                file=data["file"],
                source=UploadSource.ADMIN,
                media_zip=data["media_zip"],
                dry_run=data["dry_run"],
                remove_absent=data["remove_absent"],
                created_by=user,
            )
        except InputError as error:
            self.add_error(None, str(error))
            return None


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    """List, form and page of uploads."""

    list_display = [
        "name",
        "badge",
        "handled",
        "created_count",
        "updated_count",
        "error_count",
        "created_at",
        "created_by",
    ]
    list_filter = ["state", "source", "dry_run"]
    list_select_related = ["created_by"]
    search_fields = ["filename"]
    date_hierarchy = "created_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("catalog.add_upload")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<int:pk>/progress/", view(self.progress_view), name="catalog_upload_progress"),
            path(
                "<int:pk>/cancel/",
                view(require_POST(self.cancel_view)),
                name="catalog_upload_cancel",
            ),
            path(
                "<int:pk>/failed-rows/",
                view(self.failed_rows_view),
                name="catalog_upload_failed_rows",
            ),
        ]
        return own + super().get_urls()

    @admin.display(description=gettext_lazy("file"), ordering="filename")
    def name(self, upload: Upload) -> str:
        return upload.filename

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def badge(self, upload: Upload) -> SafeString:
        label = upload.get_state_display()
        if upload.dry_run:
            label = _("%(state)s, dry run") % {"state": label}
        return make_badge(upload.state, label)

    @admin.display(description=gettext_lazy("rows"), ordering="next_row")
    def handled(self, upload: Upload) -> str:
        total = f" / {upload.total_rows:,}" if upload.total_rows else ""
        return f"{upload.next_row:,}{total}"

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_add_permission(request) or not isinstance(request.user, User):
            raise PermissionDenied
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid() and (upload := form.save(request.user)):
            target = reverse("admin:catalog_upload_change", args=[upload.pk])
            # A script that sent the form follows no redirect by itself.
            by_script = request.headers.get("HX-Request") == "true"
            return HttpResponseClientRedirect(target) if by_script else redirect(target)
        context = {"form": form, "columns": COLUMNS, "title": _("Upload a catalogue")}
        return self.render_page(
            request, "admin/catalog/upload/new.html", context | (extra_context or {})
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        upload: Upload = self.get_visible(request, object_id)
        context = self._progress_context(request, upload) | {
            "title": upload.filename,
            "original": upload,
        }
        return self.render_page(
            request, "admin/catalog/upload/page.html", context | (extra_context or {})
        )

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the part of the page that reloads itself while the upload runs."""
        context = self._progress_context(request, self.get_visible(request, pk))
        return render(request, "admin/catalog/upload/progress.html", context)

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        upload = self.get_visible(request, pk)
        if not self.has_add_permission(request):
            raise PermissionDenied
        cancel_upload(upload=upload)
        messages.info(
            request, _("The upload is %(state)s.") % {"state": upload.get_state_display()}
        )
        return redirect("admin:catalog_upload_change", upload.pk)

    def failed_rows_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Return the failed rows as a file to fix and upload again."""
        upload = self.get_visible(request, pk)
        out = tempfile.SpooledTemporaryFile(MAX_FILE_IN_MEMORY)  # noqa: SIM115 (the response closes it)
        name = write_failed_rows(upload=upload, out=out)
        out.seek(0)
        return FileResponse(out, as_attachment=True, filename=name)

    def _progress_context(self, request: HttpRequest, upload: Upload) -> dict[str, Any]:
        return {
            "progress": UploadProgress.of(upload),
            "may_cancel": self.has_add_permission(request),
        }


@admin.register(UploadRow)
class UploadRowAdmin(ReadOnlyAdmin):
    """The outcome of each row of each upload."""

    list_display = ["number", "sku", "badge", "reasons", "upload"]
    list_filter = ["outcome", "warned"]
    list_select_related = ["upload"]
    search_fields = ["=sku"]
    show_full_result_count = False
    fields = ["upload", "number", "sku", "outcome", "reasons", "uploaded"]
    readonly_fields = ["reasons", "uploaded"]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "upload__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description=gettext_lazy("outcome"), ordering="outcome")
    def badge(self, row: UploadRow) -> SafeString:
        return make_badge(row.outcome, row.get_outcome_display())

    @admin.display(description=gettext_lazy("reasons"))
    def reasons(self, row: UploadRow) -> SafeString | str:
        lines = ((message["reason"],) for message in row.messages)
        return format_html_join("", "<div>{}</div>", lines) or "–"

    @admin.display(description=gettext_lazy("row as uploaded"))
    def uploaded(self, row: UploadRow) -> SafeString | str:
        if not row.raw:
            return "–"
        return format_html("<pre>{}</pre>", json.dumps(row.raw, indent=2, ensure_ascii=False))
