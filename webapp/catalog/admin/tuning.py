"""Tunings: start one, follow it, compare before and after, roll it back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from search.errors import OmnishelfError
from webapp.catalog.admin.base import ReadOnlyAdmin, make_badge
from webapp.catalog.models import Tuning, TuningState
from webapp.catalog.selectors.spaces import get_active_preset
from webapp.catalog.services.tunings import request_rollback, request_tuning

KINDS = {
    "words → pictures": gettext_lazy("words → pictures"),
    "titles → pictures": gettext_lazy("titles → pictures"),
    "queries → pictures": gettext_lazy("clicked queries → pictures"),
    "pictures → words": gettext_lazy("pictures → words"),
}
"""Labels of the kinds of queries that a tuning is evaluated with."""


class TuningForm(forms.Form):
    """Options of a tuning; it tunes the active preset."""

    from_clicks = forms.BooleanField(
        label=gettext_lazy("Also learn from clicks"),
        required=False,
        help_text=gettext_lazy("Uses queries and the products that shoppers opened for them."),
    )
    dry_run = forms.BooleanField(
        label=gettext_lazy("Dry run"),
        required=False,
        help_text=gettext_lazy("Measures the gain, changes nothing."),
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Metrics before and after for one kind of query: (name, before, after, difference)."""

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
    """List, form and page of tunings."""

    change_list_template = "admin/catalog/tuning/change_list.html"
    list_display = ["number", "preset", "badge", "pairs", "gained", "created_at", "created_by"]
    list_filter = ["state", "preset"]
    list_select_related = ["created_by"]

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
        return make_badge(tuning.state, tuning.get_state_display())

    @admin.display(description=gettext_lazy("gain in mean mAP"), ordering="gain")
    def gained(self, tuning: Tuning) -> str:
        return "" if tuning.gain is None else f"{tuning.gain:+.3f}"

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = TuningForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid() and (tuning := self._request_tuning(request, form)):
            return redirect("admin:catalog_tuning_change", tuning.pk)
        context = {
            "form": form,
            "preset": get_active_preset(),
            "title": _("Tune to this catalogue"),
        }
        return self.render_page(
            request, "admin/catalog/tuning/new.html", context | (extra_context or {})
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        tuning = self.get_visible(request, object_id)
        context = self._progress_context(request, tuning) | {
            "title": _("Tuning #%(number)d") % {"number": tuning.pk}
        }
        return self.render_page(
            request, "admin/catalog/tuning/page.html", context | (extra_context or {})
        )

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the part of the page that reloads itself while the tuning runs."""
        context = self._progress_context(request, self.get_visible(request, pk))
        return render(request, "admin/catalog/tuning/progress.html", context)

    def rollback_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        tuning = self.get_visible(request, pk)
        if not self.has_add_permission(request):
            raise PermissionDenied
        if request_rollback(tuning=tuning):
            messages.info(request, _("The previous heads will be active again in a moment."))
        else:
            messages.warning(request, _("This tuning is not in use."))
        return redirect("admin:catalog_tuning_change", tuning.pk)

    def _request_tuning(self, request: HttpRequest, form: TuningForm) -> Tuning | None:
        user = request.user if isinstance(request.user, User) else None
        try:
            return request_tuning(preset=get_active_preset(), user=user, **form.cleaned_data)
        except OmnishelfError as error:
            form.add_error(None, str(error))
            return None

    def _progress_context(self, request: HttpRequest, tuning: Tuning) -> dict[str, Any]:
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
