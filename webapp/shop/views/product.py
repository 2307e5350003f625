"""The product page: pictures, clips, facts and similar products."""

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
from webapp.retrieval.results import ProductHit
from webapp.retrieval.search_query import SearchQuery
from webapp.retrieval.service import search_products
from webapp.shop.clips import build_clips
from webapp.shop.result_links import build_result_links
from webapp.shop.search_context import SearchContext
from webapp.shop.search_params import SearchParams

MAX_SIMILAR = 10

logger = logging.getLogger(__name__)


@require_safe
def product(request: HttpRequest, sku: str) -> HttpResponse:
    shown = get_object_or_404(Product.objects.select_related("category"), sku=sku, visible=True)
    media = list(shown.assets.exclude(kind=AssetKind.TEXT).order_by("position", "id"))
    pictures = [asset for asset in media if asset.kind == AssetKind.PICTURE]
    videos = [asset for asset in media if asset.kind == AssetKind.VIDEO]
    sounds = [asset for asset in media if asset.kind == AssetKind.AUDIO]
    clips = [*videos, *sounds]
    category = shown.category
    similar = _find_similar(shown)
    context = {
        "product": shown,
        "pictures": pictures,
        "clips": build_clips(clips, SearchContext.read(request.GET, shown)) if clips else (),
        "trail": [*Category.objects.get_ancestors(category), category] if category else [],
        "similar": similar,
        "links": build_result_links(similar, SearchParams()),
        "canonical": request.build_absolute_uri(reverse("shop:product", args=[shown.sku])),
        "structured": _structured_data(request, shown, pictures),
    }
    return render(request, "shop/product.html", context)


def _find_similar(shown: Product) -> tuple[ProductHit, ...]:
    """Return similar products, none when the search fails: the page itself matters more."""
    try:
        result = search_products(SearchQuery(similar_to=shown.pk, limit=MAX_SIMILAR, facets=False))
    except (IndexingError, EncoderError, Unavailable):
        logger.exception("no similar products for %s", shown.sku)
        return ()
    # Match reasons mean nothing to a shopper who did not search.
    return tuple(replace(hit, evidence=()) for hit in result.hits)


def _structured_data(request: HttpRequest, shown: Product, pictures: list[Asset]) -> dict[str, Any]:
    """Return schema.org/Product for search engines."""
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": shown.local_title,
        "sku": shown.sku,
        "image": [request.build_absolute_uri(picture.file.url) for picture in pictures],
    }
    if shown.description:
        data["description"] = shown.local_description
    if shown.brand:
        data["brand"] = {"@type": "Brand", "name": shown.brand}
    if shown.price is not None:
        availability = "OutOfStock" if shown.stock == 0 else "InStock"
        data["offers"] = {
            "@type": "Offer",
            "price": str(shown.price),
            "priceCurrency": shown.currency,
            "availability": f"https://schema.org/{availability}",
            "url": request.build_absolute_uri(reverse("shop:product", args=[shown.sku])),
        }
    return data
