"""Order of products on pages, and the page after a position."""

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

PRICE_ORDER = {Sort.PRICE_ASC: 1, Sort.PRICE_DESC: -1}


def positions_of(hits: Sequence[Hit], sort: Sort) -> list[Position]:
    """Sort keys of a ranking, in the order asked for; products without a price come last."""
    if sort is Sort.RELEVANCE:
        return [(-hit.score, hit.product_id) for hit in hits]
    if sort is Sort.NEWEST:
        return sorted((-hit.product_id,) for hit in hits)
    prices = dict(
        Product.objects.filter(pk__in=[hit.product_id for hit in hits]).values_list("pk", "price")
    )
    keys = [_price_key(prices.get(hit.product_id), hit.product_id, sort) for hit in hits]
    return sorted(keys, key=itemgetter(0, 1, 2))


def product_id(position: Position) -> int:
    return abs(int(position[-1]))


def _price_key(price: Decimal | None, pk: int, sort: Sort) -> Position:
    """Prices have at most two decimals, so cents are exact in a cursor."""
    return (1, 0, pk) if price is None else (0, PRICE_ORDER[sort] * int(price * 100), pk)


def page_after(
    positions: Sequence[Position], after: Position | None, limit: int
) -> tuple[list[Position], bool]:
    """Up to `limit` positions behind `after`, and whether more follow."""
    start = 0 if after is None else bisect.bisect_right(positions, after)
    return list(positions[start : start + limit]), len(positions) > start + limit


def browse_page(
    products: QuerySet[Product], sort: Sort, after: Position | None, limit: int
) -> tuple[list[Position], bool]:
    """The same page by keyset in the database, however many products. Newest first unless a
    price order is asked.
    """
    if sort in PRICE_ORDER:
        positions = _browse_by_price(products, sort, after, limit + 1)
    else:
        newer = products if after is None else products.filter(pk__lt=-after[0])
        positions = [
            (-pk,) for pk in newer.order_by("-pk").values_list("pk", flat=True)[: limit + 1]
        ]
    return positions[:limit], len(positions) > limit


def _browse_by_price(
    products: QuerySet[Product], sort: Sort, after: Position | None, limit: int
) -> list[Position]:
    price = (
        F("price").asc(nulls_last=True)
        if sort is Sort.PRICE_ASC
        else F("price").desc(nulls_last=True)
    )
    if after is not None:
        products = products.filter(_behind(after, sort))
    rows = products.order_by(price, "pk").values_list("price", "pk")[:limit]
    return [_price_key(value, pk, sort) for value, pk in rows]


def _behind(after: Position, sort: Sort) -> Q:
    without_price, cents, pk = after
    if without_price:
        return Q(price__isnull=True, pk__gt=pk)
    price = Decimal(abs(cents)) / 100
    beyond = Q(price__gt=price) if sort is Sort.PRICE_ASC else Q(price__lt=price)
    return beyond | Q(price=price, pk__gt=pk) | Q(price__isnull=True)
