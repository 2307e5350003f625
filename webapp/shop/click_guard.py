"""Keeps the click log from being inflated: each token once, each shopper's way to a product
once, nobody too often.

Only the cache remembers, for an hour at most, and only keyed digests: no address can be read
from it.
"""

from __future__ import annotations

import time

from django.core.cache import caches
from django.utils.crypto import salted_hmac

from webapp.rate_counter import count_up
from webapp.shop.click_token import LIFETIME

CLICKS_PER_WINDOW = 30
WINDOW_S = 60


def too_often(address: str) -> bool:
    """Whether this address has sent more clicks than a person makes. Counts this one."""
    window = int(time.time()) // WINDOW_S
    return count_up(f"click-rate:{_digest(address)}:{window}", WINDOW_S) > CLICKS_PER_WINDOW


def is_first(token: str, *, address: str, query: str, product_id: int) -> bool:
    """Whether neither the token nor the same click from the same address was seen within the
    hour. Remembers both.
    """
    seen = caches["clicks"]
    return all(
        seen.add(f"click:{_digest(*told)}", 1, LIFETIME.total_seconds())
        for told in ((token,), (address, str(product_id), query))
    )


def _digest(*told: str) -> str:
    return salted_hmac("omnishelf.click.guard", "\n".join(told), algorithm="sha256").hexdigest()
