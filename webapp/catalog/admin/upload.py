"""Bulk uploads: hand in, watch, cancel, fetch what failed."""

from __future__ import annotations

import tempfile

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from webapp.catalog.admin.read_only import ReadOnlyAdmin
from webapp.catalog.admin.upload_form import UploadForm
from webapp.catalog.admin.upload_progress import UploadProgress
from webapp.catalog.models import Upload
from webapp.importing.columns import COLUMNS
from webapp.importing.failed_rows import write_failed_rows
from webapp.importing.service import cancel_upload

FAILED_ROWS_IN_MEMORY = 4 * 1024 * 1024


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
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

    class Media:
        css = {"all": ["catalog/admin.css"]}

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
            label = _("%(state)s, try only") % {"state": label}
        return format_html('<span class="badge badge-{}">{}</span>', upload.state, label)

    @admin.display(description=gettext_lazy("rows"), ordering="next_row")
    def handled(self, upload: Upload) -> str:
        return (
            f"{upload.next_row:,} / {upload.total_rows:,}"
            if upload.total_rows
            else f"{upload.next_row:,}"
        )

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid() and (upload := form.save(request.user)):
            target = reverse("admin:catalog_upload_change", args=[upload.pk])
            return HttpResponseClientRedirect(target) if request.htmx else redirect(target)
        context = {"form": form, "columns": COLUMNS, "title": _("Upload a catalogue")}
        return self._page(request, "admin/catalog/upload/new.html", context | (extra_context or {}))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict | None = None,
    ) -> HttpResponse:
        upload = self._upload(request, object_id)
        context = {
            "progress": UploadProgress.of(upload),
            "title": upload.filename,
            "original": upload,
        }
        return self._page(
            request, "admin/catalog/upload/page.html", context | (extra_context or {})
        )

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The part of the page that renews itself while something is going on."""
        progress = UploadProgress.of(self._upload(request, pk))
        context = {"progress": progress, "may_cancel": self.has_add_permission(request)}
        return render(request, "admin/catalog/upload/progress.html", context)

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        upload = self._upload(request, pk)
        if not self.has_add_permission(request):
            raise PermissionDenied
        cancel_upload(upload=upload)
        messages.info(
            request, _("The upload is %(state)s.") % {"state": upload.get_state_display()}
        )
        return redirect("admin:catalog_upload_change", upload.pk)

    def failed_rows_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The failed rows as a file that can be mended and uploaded again."""
        upload = self._upload(request, pk)
        out = tempfile.SpooledTemporaryFile(FAILED_ROWS_IN_MEMORY)  # noqa: SIM115 (the response closes it)
        name = write_failed_rows(upload=upload, out=out)
        out.seek(0)
        return FileResponse(out, as_attachment=True, filename=name)

    def _upload(self, request: HttpRequest, object_id: str | int) -> Upload:
        upload: Model = get_object_or_404(Upload.objects.select_related("created_by"), pk=object_id)
        if not self.has_view_permission(request, upload):
            raise PermissionDenied
        return upload

    def _page(
        self, request: HttpRequest, template: str, context: dict[str, object]
    ) -> TemplateResponse:
        common = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "may_cancel": self.has_add_permission(request),
        }
        return TemplateResponse(request, template, common | context)
