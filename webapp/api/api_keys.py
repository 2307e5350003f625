"""Create and find API keys."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Collection

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from search.errors import InputError
from search.files import sha256_hex
from webapp.api.models import ApiKey
from webapp.api.scopes import Scope

PREFIX = "osk_"
"""The prefix of every key, by which secret scanners recognise a leaked one."""

LAST_USED_INTERVAL = dt.timedelta(minutes=1)


def create_api_key(
    *,
    name: str,
    scopes: Collection[str],
    expires: dt.datetime | None = None,
    created_by: User | None = None,
) -> tuple[ApiKey, str]:
    """Create an API key; return it and its token, which is not stored.

    Raises InputError for an unknown scope, or none.
    """
    unknown = sorted(set(scopes) - set(Scope.values))
    if unknown or not scopes:
        raise InputError(
            "an API key needs known scopes",
            value=unknown or None,
            fix=f"Choose from {', '.join(Scope.values)}.",
        )
    key = ApiKey(name=name, scopes=sorted(set(scopes)), expires=expires, created_by=created_by)
    token = set_token(key)
    key.save()
    return key, token


def set_token(key: ApiKey) -> str:
    """Set a new token on a key, without saving it; return the token."""
    token = PREFIX + secrets.token_urlsafe(32)
    key.prefix, key.digest = token[:12], sha256_hex(token)
    return token


def find_api_key(*, token: str) -> ApiKey | None:
    """Return the usable key of a token, or None. Its last use is saved at most once a minute."""
    key = ApiKey.objects.filter(digest=sha256_hex(token)).first()
    if key is None or not key.is_usable:
        return None
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at >= LAST_USED_INTERVAL:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - LAST_USED_INTERVAL)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
    return key
