"""Authentication by API key, and permission by scope.

Signed-in staff are authenticated by the session authentication of REST framework.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from webapp.api.api_keys import find_api_key
from webapp.api.models import ApiKey
from webapp.api.scopes import Scope, staff_has


class ApiKeyAuthentication(BaseAuthentication):
    """Authenticate `Authorization: Bearer <key>`.

    The key becomes `request.auth`; `request.user` stays anonymous.
    """

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        scheme, _, token = get_authorization_header(request).strip().partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        key = find_api_key(token=token.strip().decode("latin-1"))
        if key is None:
            raise AuthenticationFailed(
                "This API key is unknown, expired or revoked.", code="bad_api_key"
            )
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="omnishelf"'


def caller_name(request: Request) -> str:
    """Return 'key:3', 'user:5', or 'anonymous' for a caller without key and session."""
    if isinstance(request.auth, ApiKey):
        return f"key:{request.auth.pk}"
    return f"user:{request.user.pk}" if request.user.is_authenticated else "anonymous"


def caller_has(request: Request, scope: Scope) -> bool:
    """Return whether the caller's key or account has a scope."""
    if isinstance(request.auth, ApiKey):
        return request.auth.has_scope(scope)
    return staff_has(request.user, scope)


class ScopePermission(BasePermission):
    """Allow a method if the caller has the scope that the view names for it.

    A method without a scope passes: REST framework then answers that it is not allowed.
    """

    message = "This needs a scope that the caller does not have."
    code = "scope_missing"

    def has_permission(self, request: Request, view: object) -> bool:
        method = "GET" if request.method == "HEAD" else str(request.method)
        scope: Scope | None = getattr(view, "scopes", {}).get(method)
        is_public = settings.ANONYMOUS_SEARCH and method in getattr(view, "public", ())
        if scope is None or is_public:
            return True
        self.message = f"This needs the scope {scope.value}."
        return caller_has(request, scope)
