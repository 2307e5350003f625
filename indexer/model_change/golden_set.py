"""The questions that decide: a golden set from a file, else what shoppers clicked, else the
catalogue's own titles.
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
"""Drawn from clicks or from the catalogue. More would cost time and narrow the interval little."""

MIN_CLICKED_QUERIES = 50
"""Clicked queries, below which the catalogue is asked instead."""

MIN_CLICKS = 2
"""A product clicked once for a query may be a slip."""

CHUNK = 500


@dataclass(frozen=True, slots=True)
class GoldenQuery:
    """Words or a picture file, the ids of the products it should find, and of those that are no
    proof.
    """

    text: str
    picture: Path | None
    relevant: frozenset[int]
    without: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """Questions of one kind, and how many were left out because nothing that they should find is
    visible.
    """

    kind: GoldenSetSource
    questions: tuple[GoldenQuery, ...]
    skipped: int = 0


def golden_set(given: Sequence[EvaluationQuery]) -> GoldenSet:
    """The questions given; without any, those that clicks or titles ask."""
    if given:
        return _from_file(given)
    clicked = _clicked()
    return (
        GoldenSet(GoldenSetSource.CLICKS, clicked)
        if len(clicked) >= MIN_CLICKED_QUERIES
        else _titles()
    )


def _from_file(given: Sequence[EvaluationQuery]) -> GoldenSet:
    ids = dict(
        _found(
            Product.objects.filter(visible=True),
            "sku",
            {sku for query in given for sku in query.relevant},
        )
    )
    questions = []
    for query in given:
        itself = _only_showing(query.picture)
        relevant = frozenset(ids[sku] for sku in query.relevant if sku in ids) - itself
        if relevant:
            questions.append(GoldenQuery(query.text, query.picture, relevant, itself))
    return GoldenSet(GoldenSetSource.FILE, tuple(questions), len(given) - len(questions))


def _only_showing(picture: Path | None) -> frozenset[int]:
    """Products that show the question's own picture: finding them proves nothing."""
    if picture is None:
        return frozenset()
    digest = file_sha256(picture)
    return frozenset(
        Product.objects.filter(assets__content_hash=digest).values_list("pk", flat=True)
    )


def _clicked() -> tuple[GoldenQuery, ...]:
    """A fixed sample of the clicked queries, with those of their products that are visible."""
    groups = groupby(clicked_queries(), key=lambda row: row[0])
    queries = (
        (query, {product for _, product, clicks in rows if clicks >= MIN_CLICKS})
        for query, rows in groups
    )
    chosen = dict(_sample((row for row in queries if row[1]), lambda row: row[0]))
    clicked = {product for products in chosen.values() for product in products}
    visible = {
        product for _, product in _found(Product.objects.filter(visible=True), "pk", clicked)
    }
    return tuple(
        GoldenQuery(query, None, frozenset(products & visible))
        for query, products in chosen.items()
        if products & visible
    )


def _titles() -> GoldenSet:
    """A fixed sample of titles of visible products with pictures; all products of that title are
    right.
    """
    pictures = Asset.objects.filter(kind=AssetKind.PICTURE, product=OuterRef("pk"))
    pictured = (
        Product.objects.filter(Exists(pictures), visible=True)
        .exclude(title="")
        .exclude(title__iexact=F("sku"))
    )
    titles = (
        pictured.order_by().values_list("title", flat=True).distinct().iterator(chunk_size=2_000)
    )
    owners: defaultdict[str, set[int]] = defaultdict(set)
    for title, product in _found(pictured, "title", set(_sample(titles, str))):
        owners[title].add(product)
    questions = tuple(
        GoldenQuery(title, None, frozenset(found)) for title, found in sorted(owners.items())
    )
    return GoldenSet(GoldenSetSource.CATALOGUE, questions)


def _sample(rows: Iterable[Row], text: Callable[[Row], str]) -> list[Row]:
    """At most MAX_QUERIES, the same ones every time, without holding the others in memory."""
    return heapq.nsmallest(
        MAX_QUERIES, rows, key=lambda row: hashlib.sha256(text(row).encode()).digest()
    )


def _found(
    products: QuerySet[Product], field: str, values: Iterable[Any]
) -> Iterator[tuple[Any, int]]:
    """(field, id) of the products whose field is among the values."""
    ordered = sorted(values)
    for start in range(0, len(ordered), CHUNK):
        yield from products.filter(**{f"{field}__in": ordered[start : start + CHUNK]}).values_list(
            field, "pk"
        )
