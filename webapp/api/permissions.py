"""Whether the caller may: by the scope that the view names for the method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from django.conf import settings
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from webapp.api.models import ApiKey
from webapp.api.scopes import Scope, staff_has


class ScopedView(Protocol):
    """`scopes` by method; `public` names the methods open to everybody while anonymous search is
    on.
    """

    scopes: ClassVar[Mapping[str, Scope]]
    public: ClassVar[frozenset[str]]


def caller_has(request: Request, scope: Scope) -> bool:
    if isinstance(request.auth, ApiKey):
        return request.auth.has(scope)
    return staff_has(request.user, scope)


class ScopePermission(BasePermission):
    """A method without a scope passes: it is refused as not allowed right after."""

    message = "This needs a scope that the caller does not have."
    code = "scope_missing"

    def has_permission(self, request: Request, view: ScopedView) -> bool:
        method = "GET" if request.method == "HEAD" else str(request.method)
        scope = view.scopes.get(method)
        if scope is None or (settings.ANONYMOUS_SEARCH and method in view.public):
            return True
        self.message = f"This needs the scope {scope.value}."
        return caller_has(request, scope)
