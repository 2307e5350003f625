"""The queries that decide about a model.

They come from a file, else from what shoppers clicked, else from the titles of the catalogue.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from django.db.models import Exists, F, OuterRef, QuerySet

from search.evaluation.folder import EvaluationQuery
from search.files import file_sha256
from webapp.catalog.models import Asset, AssetKind, GoldenSetSource, Product
from webapp.clicklog.selectors import clicked_queries

Row = TypeVar("Row")

MAX_QUERIES = 500
"""From clicks or titles. More would cost time and narrow the interval little."""

MIN_CLICKED_QUERIES = 50
"""With fewer clicked queries, titles are used instead."""

MIN_CLICKS = 2
"""A product clicked once for a query may be a slip."""

QUERY_BATCH_SIZE = 500


@dataclass(frozen=True, slots=True)
class GoldenQuery:
    """A text or a picture file, with the ids of relevant products and of those to exclude."""

    text: str
    picture: Path | None
    relevant: frozenset[int]
    exclude: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """Queries of one source. `skipped` counts those without a visible relevant product."""

    source: GoldenSetSource
    queries: tuple[GoldenQuery, ...]
    skipped: int = 0


def load_golden_set(given: Sequence[EvaluationQuery]) -> GoldenSet:
    """Return the given queries; without any, those that clicks or titles give."""
    if given:
        return _from_file(given)
    clicked = _from_clicks()
    if len(clicked) >= MIN_CLICKED_QUERIES:
        return GoldenSet(GoldenSetSource.CLICKS, clicked)
    return GoldenSet(GoldenSetSource.CATALOGUE, _from_titles())


def _from_file(given: Sequence[EvaluationQuery]) -> GoldenSet:
    skus = {sku for query in given for sku in query.relevant}
    ids = dict(_find_products(Product.objects.filter(visible=True), "sku", skus))
    queries = []
    for query in given:
        exclude = _find_owners(query.picture)
        relevant = frozenset(ids[sku] for sku in query.relevant if sku in ids) - exclude
        if relevant:
            queries.append(GoldenQuery(query.text, query.picture, relevant, exclude))
    return GoldenSet(GoldenSetSource.FILE, tuple(queries), len(given) - len(queries))


def _find_owners(picture: Path | None) -> frozenset[int]:
    """Return the products that show the query's own picture: finding them proves nothing."""
    if picture is None:
        return frozenset()
    products = Product.objects.filter(assets__content_hash=file_sha256(picture))
    return frozenset(products.values_list("pk", flat=True))


def _from_clicks() -> tuple[GoldenQuery, ...]:
    """Return a fixed sample of the clicked queries, with their visible products."""
    groups = groupby(clicked_queries(), key=lambda row: row[0])
    queries = (
        (query, {product for _, product, clicks in rows if clicks >= MIN_CLICKS})
        for query, rows in groups
    )
    chosen = dict(_sample((row for row in queries if row[1]), lambda row: row[0]))
    clicked = {product for products in chosen.values() for product in products}
    rows = _find_products(Product.objects.filter(visible=True), "pk", clicked)
    visible = {product for _, product in rows}
    return tuple(
        GoldenQuery(query, None, frozenset(products & visible))
        for query, products in chosen.items()
        if products & visible
    )


def _from_titles() -> tuple[GoldenQuery, ...]:
    """Return a fixed sample of titles of visible products with pictures.

    All products of a title are relevant for it.
    """
    pictures = Asset.objects.filter(kind=AssetKind.PICTURE, product=OuterRef("pk"))
    products = (
        Product.objects.filter(Exists(pictures), visible=True)
        .exclude(title="")
        .exclude(title__iexact=F("sku"))
    )
    titles = products.order_by().values_list("title", flat=True).distinct()
    chosen = set(_sample(titles.iterator(chunk_size=2_000), str))
    owners: defaultdict[str, set[int]] = defaultdict(set)
    for title, product in _find_products(products, "title", chosen):
        owners[title].add(product)
    return tuple(GoldenQuery(title, None, frozenset(ids)) for title, ids in sorted(owners.items()))


def _sample(rows: Iterable[Row], text: Callable[[Row], str]) -> list[Row]:
    """Return at most MAX_QUERIES rows, the same ones every time. Memory holds no others."""
    return heapq.nsmallest(
        MAX_QUERIES, rows, key=lambda row: hashlib.sha256(text(row).encode()).digest()
    )


def _find_products(
    products: QuerySet[Product], field: str, values: Iterable[Any]
) -> Iterator[tuple[Any, int]]:
    """Yield (field, id) of the products whose field is among the values."""
    ordered = sorted(values)
    for start in range(0, len(ordered), QUERY_BATCH_SIZE):
        batch = ordered[start : start + QUERY_BATCH_SIZE]
        yield from products.filter(**{f"{field}__in": batch}).values_list(field, "pk")
