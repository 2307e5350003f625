"""What a results page says about itself: a signed, short-lived token for each product it shows.

Without a token made here no click is counted, and each is counted once, so clicks cannot be made
up. A token names the query and the product; it is random for each page and names no shopper.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass, field

from django.core import signing

from search.errors import QueryError

SALT = "omnishelf.click"
LIFETIME = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ClickTokens:
    """The tokens of one results page of a normalised query."""

    query: str
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(9))

    def write(self, product_id: int) -> str:
        return signing.dumps([self.nonce, self.query, product_id], salt=SALT)


def token_read(token: str) -> tuple[str, int]:
    """Token → normalised query, product id. Raises QueryError for a forged or expired one."""
    try:
        _, query, product_id = signing.loads(token, salt=SALT, max_age=LIFETIME)
    except signing.BadSignature as error:
        raise QueryError(
            "this click token was not made here, or is too old", fix="Load the results again."
        ) from error
    return query, product_id
