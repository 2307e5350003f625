"""Keyset pages: the cursor is the signed id of the last row, bound to the list and filters it
belongs to.
"""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from django.core import signing
from django.db.models import Model, QuerySet

from search.errors import InvalidCursor
from search.files import sha256_hex

ModelT = TypeVar("ModelT", bound=Model)

SALT = "omnishelf.api.page"


class Page(NamedTuple, Generic[ModelT]):
    """Rows of a page, and the cursor of the next one; empty on the last page."""

    items: list[ModelT]
    next_cursor: str


def _belongs_to(asked: object) -> str:
    return sha256_hex(repr(asked))[:12]


def _read(cursor: str, digest: str) -> int | None:
    if not cursor:
        return None
    try:
        content = signing.loads(cursor, salt=SALT)
    except signing.BadSignature as error:
        raise InvalidCursor(
            "this cursor was not made here", fix="Use next_cursor as it came."
        ) from error
    if content["d"] != digest:
        raise InvalidCursor(
            "this cursor belongs to another list", fix="Page with the same filters."
        )
    return int(content["i"])


def keyset_page(
    rows: QuerySet[ModelT], *, cursor: str, limit: int, asked: object, newest_first: bool = False
) -> Page[ModelT]:
    """One page in id order and the cursor of the next one ('' on the last). One query. Raises
    InvalidCursor.
    """
    digest = _belongs_to((rows.model._meta.label, asked))
    last = _read(cursor, digest)
    if last is not None:
        rows = rows.filter(pk__lt=last) if newest_first else rows.filter(pk__gt=last)
    found = list(rows.order_by("-pk" if newest_first else "pk")[: limit + 1])
    page = found[:limit]
    if len(found) <= limit:
        return Page(page, "")
    return Page(page, signing.dumps({"d": digest, "i": page[-1].pk}, salt=SALT))
