"""Signed paging cursors: the position of a page's last row, bound to the list it belongs to."""

from __future__ import annotations

from typing import Any

from django.core import signing

from search.errors import InvalidCursor
from search.files import sha256_hex
from webapp.retrieval.results import MediaTokens
from webapp.retrieval.search_query import SearchQuery

SALT = "omnishelf.cursor"

Position = tuple[Any, ...]
"""The sort key of a row; it ends with the row's id, so no two are equal."""


def compute_digest(scope: object) -> str:
    """Return the digest of a list's query and filters; a cursor is valid for one digest."""
    return sha256_hex(repr(scope))[:16]


def compute_query_digest(query: SearchQuery, tokens: MediaTokens) -> str:
    """Return the digest of everything that a query asks for, except the page."""
    filters = query.filters.model_dump()
    filters["attributes"] = sorted(filters["attributes"].items())
    return compute_digest(
        (query.text, sorted(tokens.items()), query.similar_to, str(query.sort), filters)
    )


def write_cursor(position: Position, digest: str) -> str:
    return signing.dumps({"d": digest, "p": position}, salt=SALT, compress=True)


def read_cursor(cursor: str, digest: str) -> Position | None:
    """Return the position after which the page starts; None for the first page.

    Raises InvalidCursor for a forged cursor and for one of another list.
    """
    if not cursor:
        return None
    try:
        content = signing.loads(cursor, salt=SALT)
    except signing.BadSignature as error:
        raise InvalidCursor(
            "this cursor is forged", value=cursor, fix="Use next_cursor as it came."
        ) from error
    if content["d"] != digest:
        raise InvalidCursor(
            "this cursor belongs to another query", fix="Page with the same query and filters."
        )
    return tuple(content["p"])
