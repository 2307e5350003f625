"""Counters of time windows in the cache, which processes can share."""

from __future__ import annotations

from django.core.cache import cache
from django.http import HttpRequest
from rest_framework.throttling import BaseThrottle


def increment(key: str, seconds: int) -> int:
    """Increment a counter atomically and return its value.

    The counter expires `seconds` after its first increment.
    """
    if cache.add(key, 1, seconds):
        return 1
    try:
        return cache.incr(key)
    except ValueError:
        # The counter expired between the two calls.
        cache.set(key, 1, seconds)
        return 1


def client_address(request: HttpRequest) -> str:
    """Return the address that limits are counted by; behind a proxy, the one it forwards."""
    return BaseThrottle().get_ident(request)  # type: ignore[arg-type]  # reads nothing but META
