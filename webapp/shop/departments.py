"""Departments: the upper categories of the shop, each with a picture of something in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from django.db.models import Exists, OuterRef, Subquery

from webapp.catalog.models import Asset, AssetKind, Category, Product

MOST_SHOWN = 24


@dataclass(frozen=True, slots=True)
class Department:
    """`cover` is the stored name of a picture, or empty."""

    category: Category
    cover: str


def departments() -> list[Department]:
    """Top categories that hold visible products; where all stands under one root, the level
    below it. One query.
    """
    within = {"product__category__path__startswith": OuterRef("path"), "product__visible": True}
    covers = Asset.objects.filter(kind=AssetKind.PICTURE, **within).order_by(
        "-product_id", "position", "id"
    )
    filled = Product.objects.filter(visible=True, category__path__startswith=OuterRef("path"))
    found = list(
        Category.objects.filter(Exists(filled), depth__lte=2)
        .annotate(cover=Subquery(covers.values("file")[:1]))
        .order_by("path")
    )
    roots = [category for category in found if category.depth == 1]
    below = [category for category in found if category.depth == 2]
    chosen = below if len(roots) == 1 and below else roots
    return [Department(category, category.cover or "") for category in chosen[:MOST_SHOWN]]


def stored_parts(name: str) -> tuple[str, str]:
    """'assets/ab/abcdef….jpg' → ('abcdef…', '.jpg')"""
    path = PurePosixPath(name)
    return path.stem, path.suffix
