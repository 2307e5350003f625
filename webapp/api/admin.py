"""API keys in the admin. The token is shown once, on the page after the key is added."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from webapp.api.api_keys import set_token
from webapp.api.models import ApiKey
from webapp.api.scopes import Scope


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """Name, scopes and validity of an API key."""

    scopes = forms.MultipleChoiceField(
        label=_("scopes"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = ApiKey
        fields = ["name", "scopes", "expires", "revoked"]


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """API keys: add, change, revoke."""

    form = ApiKeyForm
    list_display = [
        "name",
        "prefix",
        "scope_names",
        "expires",
        "revoked",
        "last_used_at",
        "created_by",
    ]
    list_filter = ["revoked"]
    search_fields = ["name", "prefix"]
    readonly_fields = ["prefix", "last_used_at", "created_at", "created_by"]
    list_select_related = ["created_by"]

    @admin.display(description=_("scopes"))
    def scope_names(self, key: ApiKey) -> str:
        return ", ".join(key.scopes)

    def save_model(
        self, request: HttpRequest, obj: ApiKey, form: forms.ModelForm[ApiKey], change: bool
    ) -> None:
        if not change:
            obj.created_by = request.user if isinstance(request.user, User) else None
            request.new_token = set_token(obj)  # type: ignore[attr-defined]  # for response_add
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the token in the page itself, which no cache stores.

        A message of Django would store it in the session or a cookie.
        """
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": _("API key added"),
            "opts": self.opts,
            "key": obj,
            "token": request.new_token,  # type: ignore[attr-defined]  # set by save_model
        }
        return TemplateResponse(request, "admin/api/apikey/token.html", context)
