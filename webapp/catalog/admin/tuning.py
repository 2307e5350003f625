"""Tunings: ask for one, watch it, see what it gained, take it back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from search.errors import OmnishelfError
from webapp.catalog.admin.read_only import ReadOnlyAdmin
from webapp.catalog.models import Tuning, TuningState
from webapp.catalog.selectors.spaces import get_active_preset
from webapp.catalog.services.tunings import request_rollback, request_tuning

KINDS = {
    "words → pictures": gettext_lazy("words → pictures"),
    "titles → pictures": gettext_lazy("titles → pictures"),
    "queries → pictures": gettext_lazy("clicked queries → pictures"),
    "pictures → words": gettext_lazy("pictures → words"),
}


class TuningForm(forms.Form):
    """What can be chosen; the preset is the one in use."""

    from_clicks = forms.BooleanField(
        label=gettext_lazy("Learn from clicks as well"),
        required=False,
        help_text=gettext_lazy("Queries and the products that shoppers opened for them."),
    )
    dry_run = forms.BooleanField(
        label=gettext_lazy("Try only"),
        required=False,
        help_text=gettext_lazy("Measures what would be gained, and changes nothing."),
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """One kind of question: its metrics before and after."""

    label: str | Promise
    figures: list[tuple[str, float, float, float]]

    @classmethod
    def of(cls, tuning: Tuning) -> Iterator[Comparison]:
        for kind, after in tuning.after.items():
            before = tuning.before[kind]
            figures = [
                (name, before[name], value, value - before[name]) for name, value in after.items()
            ]
            yield cls(KINDS.get(kind, kind), figures)


@admin.register(Tuning)
class TuningAdmin(ReadOnlyAdmin):
    change_list_template = "admin/catalog/tuning/change_list.html"
    list_display = ["number", "preset", "badge", "pairs", "gained", "created_at", "created_by"]
    list_filter = ["state", "preset"]
    list_select_related = ["created_by"]

    class Media:
        css = {"all": ["catalog/admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("catalog.add_tuning")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<int:pk>/progress/", view(self.progress_view), name="catalog_tuning_progress"),
            path(
                "<int:pk>/roll-back/",
                view(require_POST(self.rollback_view)),
                name="catalog_tuning_roll_back",
            ),
        ]
        return own + super().get_urls()

    @admin.display(description=gettext_lazy("tuning"), ordering="pk")
    def number(self, tuning: Tuning) -> str:
        return f"#{tuning.pk}"

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def badge(self, tuning: Tuning) -> SafeString:
        return format_html(
            '<span class="badge badge-{}">{}</span>', tuning.state, tuning.get_state_display()
        )

    @admin.display(description=gettext_lazy("gain in mean mAP"), ordering="gain")
    def gained(self, tuning: Tuning) -> str:
        return "" if tuning.gain is None else f"{tuning.gain:+.3f}"

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = TuningForm(request.POST if request.method == "POST" else None)
        if (
            request.method == "POST"
            and form.is_valid()
            and (tuning := self._requested(request, form))
        ):
            return redirect("admin:catalog_tuning_change", tuning.pk)
        context = {
            "form": form,
            "preset": get_active_preset(),
            "title": _("Tune to this catalogue"),
        }
        return self._page(request, "admin/catalog/tuning/new.html", context | (extra_context or {}))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict | None = None,
    ) -> HttpResponse:
        tuning = self._tuning(request, object_id)
        context = self._shown(request, tuning) | {
            "title": _("Tuning #%(number)d") % {"number": tuning.pk}
        }
        return self._page(
            request, "admin/catalog/tuning/page.html", context | (extra_context or {})
        )

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The part of the page that renews itself while something is going on."""
        return render(
            request,
            "admin/catalog/tuning/progress.html",
            self._shown(request, self._tuning(request, pk)),
        )

    def rollback_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        tuning = self._tuning(request, pk)
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request_rollback(tuning=tuning):
            messages.info(request, _("What was in use before comes back in a moment."))
        else:
            messages.warning(request, _("This tuning is not in use."))
        return redirect("admin:catalog_tuning_change", tuning.pk)

    def _requested(self, request: HttpRequest, form: TuningForm) -> Tuning | None:
        try:
            return request_tuning(
                preset=get_active_preset(), user=request.user, **form.cleaned_data
            )
        except OmnishelfError as error:
            form.add_error(None, str(error))
            return None

    def _tuning(self, request: HttpRequest, object_id: str | int) -> Tuning:
        tuning: Tuning = get_object_or_404(
            Tuning.objects.select_related("created_by"), pk=object_id
        )
        if not self.has_view_permission(request, tuning):
            raise PermissionDenied
        return tuning

    def _shown(self, request: HttpRequest, tuning: Tuning) -> dict[str, object]:
        return {
            "tuning": tuning,
            "original": tuning,
            "comparisons": list(Comparison.of(tuning)),
            "percent": tuning.done * 100 // tuning.total if tuning.total else None,
            "live": not tuning.is_finished or tuning.rollback_requested,
            "may_roll_back": tuning.state == TuningState.LIVE
            and not tuning.rollback_requested
            and self.has_add_permission(request),
        }

    def _page(
        self, request: HttpRequest, template: str, context: dict[str, object]
    ) -> TemplateResponse:
        common = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        return TemplateResponse(request, template, common | context)
