"""Counting in windows of time, in the cache that processes share where there is one."""

from __future__ import annotations

from django.core.cache import cache
from django.http import HttpRequest
from rest_framework.throttling import BaseThrottle


def increment(key: str, seconds: int) -> int:
    """Raise the counter of this window atomically; it is forgotten when the window ends. Returns
    its value.
    """
    if cache.add(key, 1, seconds):
        return 1
    try:
        return cache.incr(key)
    except ValueError:
        # The window ended between the two calls.
        cache.set(key, 1, seconds)
        return 1


def client_address(request: HttpRequest) -> str:
    """Return the address that limits are counted by; behind a proxy, the one it forwards."""
    return BaseThrottle().get_ident(request)  # type: ignore[arg-type]  # reads nothing but META
