"""Which products a caller of the API sees, loaded with what their documents need."""

from __future__ import annotations

from django.db.models import Prefetch, QuerySet
from rest_framework.request import Request

from search.errors import QueryError
from webapp.api.permissions import caller_has
from webapp.api.schemas.products import ProductQuery
from webapp.api.scopes import Scope
from webapp.catalog.models import Asset, AssetKind, Category, Product


def can_see_hidden(request: Request) -> bool:
    return caller_has(request, Scope.CATALOG_READ)


def visible_products(request: Request) -> QuerySet[Product]:
    """Hidden products only for those who may read the catalogue itself."""
    return (
        Product.objects.all() if can_see_hidden(request) else Product.objects.filter(visible=True)
    )


def filter_products(request: Request, asked: ProductQuery) -> QuerySet[Product]:
    """The products seen that pass what was asked. Raises QueryError for an unknown category."""
    products = visible_products(request)
    if asked.category:
        category = Category.objects.filter(slug=asked.category).first()
        if category is None:
            raise QueryError(
                "no such category", value=asked.category, fix="Use the slug of a category."
            )
        products = products.filter(category__path__startswith=category.path)
    if asked.brand:
        products = products.filter(brand__in=asked.brand)
    if asked.visible is not None:
        products = products.filter(visible=asked.visible)
    if asked.updated_since is not None:
        products = products.filter(updated_at__gte=asked.updated_since)
    return products


def prefetch_details(products: QuerySet[Product]) -> QuerySet[Product]:
    """Category and pictures loaded: two queries for any number of products."""
    pictures = Prefetch(
        "assets",
        Asset.objects.filter(kind=AssetKind.PICTURE).order_by("position", "id"),
        to_attr="pictures",
    )
    return products.select_related("category").prefetch_related(pictures)
