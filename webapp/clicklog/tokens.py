"""Click tokens: signed, short-lived, one for each product on a results page.

A click counts only with a token made here, and each token counts once, so clicks cannot be made
up. A token names the query and the product; it is random per page and identifies no shopper.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass, field

from django.core import signing

from search.errors import QueryError

SALT = "omnishelf.click"
TOKEN_LIFETIME = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ClickTokens:
    """Makes the tokens of one results page of a normalised query."""

    query: str
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(9))

    def write(self, product_id: int) -> str:
        return signing.dumps([self.nonce, self.query, product_id], salt=SALT)


def read_token(token: str) -> tuple[str, int]:
    """Return the normalised query and product id. Raises QueryError for a bad or expired token."""
    try:
        _, query, product_id = signing.loads(token, salt=SALT, max_age=TOKEN_LIFETIME)
    except signing.BadSignature as error:
        raise QueryError(
            "this click token is forged or expired", fix="Load the results again."
        ) from error
    return query, product_id
