"""Who is calling: the holder of an API key. Signed-in staff come in through DRF's
SessionAuthentication.
"""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from webapp.api.api_keys import find_api_key
from webapp.api.models import ApiKey


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>`. The key becomes `request.auth`; `request.user` stays
    anonymous.
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
    """'key:3', 'user:5', or 'anonymous' where nobody has signed in."""
    if isinstance(request.auth, ApiKey):
        return f"key:{request.auth.pk}"
    return f"user:{request.user.pk}" if request.user.is_authenticated else "anonymous"
