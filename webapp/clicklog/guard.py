"""Protects the click log against inflated counts.

Each token counts once; the same shopper, query and product count once an hour; one address sends
a limited number of clicks a minute. The cache keeps only keyed digests, for an hour at most: no
address can be read from it.
"""

from __future__ import annotations

import time

from django.core.cache import caches
from django.utils.crypto import salted_hmac

from webapp.clicklog.tokens import TOKEN_LIFETIME
from webapp.rate_counter import increment

MAX_CLICKS_PER_WINDOW = 30
WINDOW_S = 60


def is_rate_exceeded(address: str) -> bool:
    """Count a click of this address and return whether it sent more than a person makes."""
    window = int(time.time()) // WINDOW_S
    return increment(f"click-rate:{_digest(address)}:{window}", WINDOW_S) > MAX_CLICKS_PER_WINDOW


def is_new_click(token: str, *, address: str, query: str, product_id: int) -> bool:
    """Return whether this click counts, and remember it for an hour.

    It counts when neither its token nor the same query and product from the same address came
    before.
    """
    cache = caches["clicks"]
    keys = (_digest(token), _digest(address, str(product_id), query))
    return all(cache.add(f"click:{key}", 1, TOKEN_LIFETIME.total_seconds()) for key in keys)


def _digest(*parts: str) -> str:
    return salted_hmac("omnishelf.click.guard", "\n".join(parts), algorithm="sha256").hexdigest()
