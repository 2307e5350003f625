"""The order of products on pages, and the page after a position."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from decimal import Decimal
from operator import itemgetter

from django.db.models import F, Q, QuerySet

from search.types import Hit
from webapp.catalog.models import Product
from webapp.retrieval.cursor import Position
from webapp.retrieval.search_query import Sort

PRICE_SIGNS = {Sort.PRICE_ASC: 1, Sort.PRICE_DESC: -1}


def sort_positions(hits: Sequence[Hit], sort: Sort) -> list[Position]:
    """Return the sort keys of a ranking in the given order; products without a price are last."""
    if sort is Sort.RELEVANCE:
        return [(-hit.score, hit.product_id) for hit in hits]
    if sort is Sort.NEWEST:
        return sorted((-hit.product_id,) for hit in hits)
    ids = [hit.product_id for hit in hits]
    prices = dict(Product.objects.filter(pk__in=ids).values_list("pk", "price"))
    return sorted((_price_key(prices.get(pk), pk, sort) for pk in ids), key=itemgetter(0, 1, 2))


def product_id(position: Position) -> int:
    return abs(int(position[-1]))


def _price_key(price: Decimal | None, pk: int, sort: Sort) -> Position:
    """Return the sort key (has no price, signed cents, id).

    Prices have at most two decimals, so cents are exact in a cursor.
    """
    return (1, 0, pk) if price is None else (0, PRICE_SIGNS[sort] * int(price * 100), pk)


def slice_page(
    positions: Sequence[Position], after: Position | None, limit: int
) -> tuple[list[Position], bool]:
    """Return up to `limit` positions after `after`, and whether more follow."""
    start = 0 if after is None else bisect.bisect_right(positions, after)
    return list(positions[start : start + limit]), len(positions) > start + limit


def browse_page(
    products: QuerySet[Product], sort: Sort, after: Position | None, limit: int
) -> tuple[list[Position], bool]:
    """Return the same page by keyset in the database, for any number of products.

    The newest products are first unless the order is by price.
    """
    if sort in PRICE_SIGNS:
        positions = _browse_by_price(products, sort, after, limit + 1)
    else:
        older = products if after is None else products.filter(pk__lt=-after[0])
        ids = older.order_by("-pk").values_list("pk", flat=True)[: limit + 1]
        positions = [(-pk,) for pk in ids]
    return positions[:limit], len(positions) > limit


def _browse_by_price(
    products: QuerySet[Product], sort: Sort, after: Position | None, limit: int
) -> list[Position]:
    price = F("price")
    is_ascending = sort is Sort.PRICE_ASC
    order = price.asc(nulls_last=True) if is_ascending else price.desc(nulls_last=True)
    if after is not None:
        products = products.filter(_is_after(after, sort))
    rows = products.order_by(order, "pk").values_list("price", "pk")[:limit]
    return [_price_key(value, pk, sort) for value, pk in rows]


def _is_after(position: Position, sort: Sort) -> Q:
    has_no_price, cents, pk = position
    if has_no_price:
        return Q(price__isnull=True, pk__gt=pk)
    price = Decimal(abs(cents)) / 100
    beyond = Q(price__gt=price) if sort is Sort.PRICE_ASC else Q(price__lt=price)
    return beyond | Q(price=price, pk__gt=pk) | Q(price__isnull=True)
