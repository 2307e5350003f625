"""Products that a caller of the API can see."""

from __future__ import annotations

from django.db.models import Prefetch, QuerySet
from rest_framework.request import Request

from search.errors import QueryError
from webapp.api.access import caller_has
from webapp.api.schemas.products import ProductQuery
from webapp.api.scopes import Scope
from webapp.catalog.models import Asset, AssetKind, Category, Product


def can_see_hidden(request: Request) -> bool:
    """Return whether the caller can see hidden products."""
    return caller_has(request, Scope.CATALOG_READ)


def visible_products(request: Request) -> QuerySet[Product]:
    """Return the products that the caller can see."""
    products = Product.objects.all()
    return products if can_see_hidden(request) else products.filter(visible=True)


def filter_products(request: Request, query: ProductQuery) -> QuerySet[Product]:
    """Return the visible products that pass the filters.

    Raises QueryError for an unknown category.
    """
    products = visible_products(request)
    if query.category:
        category = Category.objects.filter(slug=query.category).first()
        if category is None:
            raise QueryError(
                "unknown category", value=query.category, fix="Use the slug of a category."
            )
        products = products.filter(category__path__startswith=category.path)
    if query.brand:
        products = products.filter(brand__in=query.brand)
    if query.visible is not None:
        products = products.filter(visible=query.visible)
    if query.updated_since is not None:
        products = products.filter(updated_at__gte=query.updated_since)
    return products


def prefetch_details(products: QuerySet[Product]) -> QuerySet[Product]:
    """Prefetch categories and pictures, in two queries for any number of products."""
    pictures = Prefetch(
        "assets",
        Asset.objects.filter(kind=AssetKind.PICTURE).order_by("position", "id"),
        to_attr="pictures",
    )
    return products.select_related("category").prefetch_related(pictures)
