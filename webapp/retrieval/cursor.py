"""Signed paging cursors: the place after the last product of a page, bound to the request it
belongs to.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.core import signing

from search.errors import InvalidCursor
from search.files import sha256_hex
from webapp.retrieval.search_query import SearchQuery, Tokens

SALT = "omnishelf.cursor"

Position = tuple[Any, ...]
"""The sort key of a product; ends with its id, so no two are equal."""


def request_digest(request: SearchQuery, tokens: Tokens) -> str:
    """What a cursor belongs to: everything asked except the page itself."""
    filters = asdict(request.filters)
    filters["attributes"] = sorted(filters["attributes"].items())
    asked = (request.text, sorted(tokens.items()), request.similar_to, request.sort, filters)
    return sha256_hex(repr(asked))[:16]


def write_cursor(position: Position, digest: str) -> str:
    return signing.dumps({"d": digest, "p": position}, salt=SALT, compress=True)


def read_cursor(cursor: str, digest: str) -> Position | None:
    """The position to go on after; None for the first page. Raises InvalidCursor."""
    if not cursor:
        return None
    try:
        content = signing.loads(cursor, salt=SALT)
    except signing.BadSignature as error:
        raise InvalidCursor(
            "this cursor was not made here", value=cursor, fix="Use next_cursor as it came."
        ) from error
    if content["d"] != digest:
        raise InvalidCursor(
            "this cursor belongs to another search",
            fix="Page with the same words, filters and sort.",
        )
    return tuple(content["p"])
