"""The home page: the search box, the departments, and the newest products."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.catalog.models import Asset, AssetKind, Category, Product
from webapp.retrieval.search_query import SearchQuery
from webapp.retrieval.service import search_products
from webapp.shop.result_links import build_result_links
from webapp.shop.search_params import SearchParams

MAX_NEW_PRODUCTS = 12
MAX_DEPARTMENTS = 24


@dataclass(frozen=True, slots=True)
class Department:
    """A category near the root; `cover` is the stored name of a picture of a product in it."""

    category: Category
    cover: str


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    newest = search_products(SearchQuery(limit=MAX_NEW_PRODUCTS, facets=False))
    context = {
        "departments": get_departments(),
        "hits": newest.hits,
        "links": build_result_links(newest.hits, SearchParams()),
    }
    return render(request, "shop/home.html", context)


def get_departments() -> list[Department]:
    """Return the top categories that have visible products, in one database query.

    Where all of them are below one root, these are the categories one level below it.
    """
    within = {"product__category__path__startswith": OuterRef("path"), "product__visible": True}
    pictures = Asset.objects.filter(kind=AssetKind.PICTURE, **within)
    covers = pictures.order_by("-product_id", "position", "id").values("file")
    products = Product.objects.filter(visible=True, category__path__startswith=OuterRef("path"))
    categories = list(
        Category.objects.filter(Exists(products), depth__lte=2)
        .annotate(cover=Subquery(covers[:1]))
        .order_by("path")
    )
    roots = [category for category in categories if category.depth == 1]
    below = [category for category in categories if category.depth == 2]
    shown = below if len(roots) == 1 and below else roots
    return [Department(category, category.cover or "") for category in shown[:MAX_DEPARTMENTS]]
