"""Rows of the catalogue as plain documents."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from search.types import Evidence, Span, view_asset_id
from webapp.api.links import Links
from webapp.catalog.models import Category, Product
from webapp.retrieval.clip_matches import ClipTimeline
from webapp.retrieval.results import ProductHit, SearchResult

Document = dict[str, Any]


def time_text(moment: dt.datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def price_text(price: Decimal | None) -> str | None:
    return None if price is None else f"{price:.2f}"


def search_document(result: SearchResult, links: Links) -> Document:
    prices = result.price_range
    return {
        "hits": [hit_document(hit, links) for hit in result.hits],
        "total": result.total,
        "window_full": result.window_full,
        "facets": [
            {
                "name": facet.name,
                "label": str(facet.label),
                "values": [
                    {
                        "value": item.value,
                        "label": str(item.label),
                        "count": item.count,
                        "selected": item.selected,
                    }
                    for item in facet.values
                ],
            }
            for facet in result.facets
        ],
        "price_range": {"min": price_text(prices[0]), "max": price_text(prices[1])}
        if prices
        else None,
        "next_cursor": result.next_cursor,
        "picture_token": result.picture_token,
        "sound_token": result.sound_token,
        "timings_ms": {stage: round(ms, 3) for stage, ms in result.timings.stages.items()},
        "generation": result.generation,
        "seq": result.seq,
    }


def hit_document(hit: ProductHit, links: Links) -> Document:
    product = hit.product
    return {
        "sku": product.sku,
        "title": product.local_title,
        "brand": product.brand,
        "price": price_text(product.price),
        "currency": product.currency,
        "url": links.page(product),
        "pictures": [links.file(asset) for asset in product.pictures],
        "score": round(float(hit.score), 6),
        "evidence": [evidence_document(evidence) for evidence in hit.evidence],
    }


def evidence_document(evidence: Evidence) -> Document:
    return {
        "modality": evidence.modality.value,
        "view": view_asset_id(evidence.view_id),
        "score": round(float(evidence.score), 6),
        "standardised": round(float(evidence.standardised), 6),
        **(span_document(evidence.span) if evidence.span else {"start": None, "end": None}),
    }


def span_document(span: Span) -> Document:
    return {"start": round(span.start, 3), "end": round(span.end, 3)}


def timeline_document(timeline: ClipTimeline) -> Document:
    return {
        "view": timeline.asset_id,
        "modality": timeline.modality.value,
        "moments": [
            {**span_document(moment.span), "standardised": round(moment.standardised, 6)}
            for moment in timeline.matches
        ],
    }


class CategoryPaths:
    """Names from the root down of these products' categories: one query for all of them."""

    def __init__(self, products: Iterable[Product]) -> None:
        step = Category.steplen
        paths = {product.category.path for product in products if product.category}
        wanted = {path[:end] for path in paths for end in range(step, len(path) + 1, step)}
        self._names = (
            dict(Category.objects.filter(path__in=wanted).values_list("path", "name"))
            if wanted
            else {}
        )

    def of(self, product: Product) -> list[str]:
        if product.category is None:
            return []
        step, path = Category.steplen, product.category.path
        return [
            self._names[path[:end]]
            for end in range(step, len(path) + 1, step)
            if path[:end] in self._names
        ]


def product_document(product: Product, paths: CategoryPaths, links: Links) -> Document:
    """`product` has its category selected and `pictures` loaded."""
    return {
        "sku": product.sku,
        "title": product.title,
        "description": product.description,
        "translations": product.translations,
        "language": product.language,
        "brand": product.brand,
        "category": paths.of(product),
        "category_slug": product.category.slug if product.category else "",
        "price": price_text(product.price),
        "currency": product.currency,
        "stock": product.stock,
        "attributes": product.attributes,
        "visible": product.visible,
        "url": links.page(product),
        "pictures": [links.file(asset) for asset in product.pictures],
        "created": time_text(product.created_at),
        "updated": time_text(product.updated_at),
    }
