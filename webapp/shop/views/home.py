"""The home page: the assistant's search box, the departments, and what is new."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from webapp.retrieval.search_query import SearchQuery
from webapp.retrieval.service import search_products
from webapp.shop.departments import departments
from webapp.shop.result_links import openings_of
from webapp.shop.search_params import Wish

NEW_PRODUCTS = 12


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Where a shopper begins."""
    newest = search_products(SearchQuery(limit=NEW_PRODUCTS, facets=False))
    openings = openings_of(newest.hits, Wish())
    return render(
        request,
        "shop/home.html",
        {"departments": departments(), "hits": newest.hits, "openings": openings},
    )
