"""The product page: gallery, sounds, videos, facts, and similar products."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from search.errors import EncoderError, IndexingError, Unavailable
from webapp.catalog.models import Asset, AssetKind, Category, Product
from webapp.retrieval.search_query import ProductHit, SearchQuery
from webapp.retrieval.service import search_products
from webapp.shop.clips import clips_of
from webapp.shop.result_links import openings_of
from webapp.shop.search_context import Asked
from webapp.shop.search_params import Wish

SIMILAR_PRODUCTS = 10

logger = logging.getLogger(__name__)


@require_safe
def product(request: HttpRequest, sku: str) -> HttpResponse:
    """Everything there is to know about a product."""
    shown = get_object_or_404(Product.objects.select_related("category"), sku=sku, visible=True)
    media = list(shown.assets.exclude(kind=AssetKind.TEXT).order_by("position", "id"))
    pictures = [asset for asset in media if asset.kind == AssetKind.PICTURE]
    clips = [
        asset
        for kind in (AssetKind.VIDEO, AssetKind.AUDIO)
        for asset in media
        if asset.kind == kind
    ]
    category = shown.category
    similar = _similar(shown)
    context = {
        "product": shown,
        "pictures": pictures,
        "clips": clips_of(clips, Asked.read(request.GET, shown)) if clips else (),
        "trail": [*Category.objects.get_ancestors(category), category] if category else [],
        "similar": similar,
        "openings": openings_of(similar, Wish()),
        "canonical": request.build_absolute_uri(reverse("shop:product", args=[shown.sku])),
        "structured": _structured(request, shown, pictures),
    }
    return render(request, "shop/product.html", context)


def _similar(shown: Product) -> tuple[ProductHit, ...]:
    """Similar products; none when the index cannot be asked now: the page itself matters more."""
    try:
        answer = search_products(
            SearchQuery(similar_to=shown.pk, limit=SIMILAR_PRODUCTS, facets=False)
        )
    except (IndexingError, EncoderError, Unavailable):
        logger.exception("no similar products for %s", shown.sku)
        return ()
    # Which of its views matched is of no use to somebody who asked for nothing.
    return tuple(replace(hit, evidence=()) for hit in answer.hits)


def _structured(request: HttpRequest, shown: Product, pictures: list[Asset]) -> dict[str, Any]:
    """schema.org/Product, for search engines."""
    facts: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": shown.local_title,
        "sku": shown.sku,
        "image": [request.build_absolute_uri(picture.file.url) for picture in pictures],
    }
    if shown.description:
        facts["description"] = shown.local_description
    if shown.brand:
        facts["brand"] = {"@type": "Brand", "name": shown.brand}
    if shown.price is not None:
        sold_out = shown.stock == 0
        facts["offers"] = {
            "@type": "Offer",
            "price": str(shown.price),
            "priceCurrency": shown.currency,
            "availability": "https://schema.org/OutOfStock"
            if sold_out
            else "https://schema.org/InStock",
            "url": request.build_absolute_uri(reverse("shop:product", args=[shown.sku])),
        }
    return facts
