"""Pages of lists in id order, with the same signed cursors as search."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from django.db.models import Model, QuerySet

from webapp.retrieval.cursor import compute_digest, read_cursor, write_cursor

ModelT = TypeVar("ModelT", bound=Model)


class Page(NamedTuple, Generic[ModelT]):
    """Rows of a page, and the cursor of the next one; empty on the last page."""

    items: list[ModelT]
    next_cursor: str


def keyset_page(
    rows: QuerySet[ModelT], *, cursor: str, limit: int, scope: object, newest_first: bool = False
) -> Page[ModelT]:
    """Return the page after the cursor's row, in one database query.

    `scope` is what the list is filtered by; a cursor is valid for the same model and scope only.
    Raises InvalidCursor.
    """
    digest = compute_digest((rows.model._meta.label, scope))
    position = read_cursor(cursor, digest)
    if position is not None:
        [last] = position
        rows = rows.filter(pk__lt=last) if newest_first else rows.filter(pk__gt=last)
    found = list(rows.order_by("-pk" if newest_first else "pk")[: limit + 1])
    page = found[:limit]
    has_more = len(found) > limit
    return Page(page, write_cursor((page[-1].pk,), digest) if has_more else "")
