"""Products with embeddings that nobody had to encode, changed by the transactions that the
product itself uses.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from django.db import transaction

from search.config import engine_settings
from search.encoders.presets import tuned_space
from search.encoders.registry import space_of
from search.types import Modality, Space
from tools.bench.soak.dataset import (
    KINDS,
    SECOND_SPACE,
    Goods,
    Stored,
    brand_of,
    content_hash,
    rows_of,
)
from tools.bench.soak.journal import Change, Kind, Views
from webapp.catalog.models import Asset, AssetKind, Embedding, Product
from webapp.catalog.services.index_sequence import mark_changed
from webapp.catalog.services.products import remove_products

AT_ONCE = 250
"""Products per transaction when the shop is filled."""


def spaces() -> tuple[Space, Space]:
    """The space of the preset's own heads, in use at first, and the one that takes its place."""
    own = space_of(engine_settings())
    return own, tuned_space(own, SECOND_SPACE)


class Shop:
    """Every method is one transaction and returns what it changed."""

    def __init__(self, goods: Goods) -> None:
        self._spaces = spaces()
        self._pools: dict[tuple[int, Modality], Stored] = {
            (number, kind): goods.stored(number, kind) for number in (0, 1) for kind in KINDS
        }

    def add(self, contents: Sequence[int]) -> list[Change]:
        """New products, one for each content, already encoded into both spaces."""
        begun = time.monotonic()
        with transaction.atomic():
            products = Product.objects.bulk_create(
                [
                    Product(sku=f"life-{at}", title=f"item {at}", brand=brand_of(at))
                    for at in contents
                ]
            )
            views = self._encode(products, contents)
            mark_changed([product.pk for product in products])
        committed = time.monotonic()
        return [
            Change(
                begun,
                committed,
                Kind.ADDED,
                product.pk,
                content,
                brand_of(content),
                views[product.pk],
            )
            for product, content in zip(products, contents, strict=True)
        ]

    def replace(self, product_id: int, content: int, brand: str) -> Change:
        """Other pictures and another text for a product."""
        begun = time.monotonic()
        with transaction.atomic():
            product = Product.objects.select_for_update().get(pk=product_id)
            product.title = f"item {content}"
            product.save(update_fields=["title", "updated_at"])
            product.assets.all().delete()
            views = self._encode([product], [content])
            mark_changed([product_id])
        return Change(
            begun, time.monotonic(), Kind.REPLACED, product_id, content, brand, views[product_id]
        )

    def remove(self, product_id: int) -> Change:
        begun = time.monotonic()
        remove_products([product_id])
        return Change(begun, time.monotonic(), Kind.REMOVED, product_id)

    def hide(self, product_id: int) -> Change:
        begun = time.monotonic()
        self._set_visible(product_id, visible=False)
        return Change(begun, time.monotonic(), Kind.HIDDEN, product_id)

    def show(self, product_id: int, content: int, brand: str, views: Views) -> Change:
        """What was hidden, as it was."""
        begun = time.monotonic()
        self._set_visible(product_id, visible=True)
        return Change(begun, time.monotonic(), Kind.SHOWN, product_id, content, brand, views)

    def _set_visible(self, product_id: int, *, visible: bool) -> None:
        with transaction.atomic():
            Product.objects.filter(pk=product_id).update(visible=visible)
            mark_changed([product_id])

    def _encode(self, products: Sequence[Product], contents: Sequence[int]) -> dict[int, Views]:
        """Assets of these products with their embeddings in both spaces, as an import and a
        worker leave them.
        """
        pairs = list(zip(products, contents, strict=True))
        assets = [asset for product, content in pairs for asset in _assets(product, content)]
        Asset.objects.bulk_create(assets)
        Embedding.objects.bulk_create(
            [row for _, content in pairs for row in self._embeddings(content)],
            ignore_conflicts=True,
        )
        views: dict[int, dict[Modality, list[int]]] = {
            product.pk: {kind: [] for kind in KINDS} for product in products
        }
        for asset in assets:
            views[asset.product_id][Modality(asset.kind)].append(asset.pk)
        return dict(views)

    def _embeddings(self, content: int) -> list[Embedding]:
        return [
            Embedding(
                space=space.fingerprint,
                modality=kind.value,
                content_hash=content_hash(kind, row),
                vector=self._pools[number, kind][row].tobytes(),
            )
            for number, space in enumerate(self._spaces)
            for kind in KINDS
            for row in rows_of(kind, content)
        ]


def _assets(product: Product, content: int) -> list[Asset]:
    texts = [
        Asset(
            product=product,
            kind=AssetKind.TEXT,
            role="title",
            text=product.title,
            content_hash=content_hash(Modality.TEXT, row),
        )
        for row in rows_of(Modality.TEXT, content)
    ]
    rows = rows_of(Modality.PICTURE, content)
    digests = [content_hash(Modality.PICTURE, row) for row in rows]
    pictures = [
        Asset(
            product=product,
            kind=AssetKind.PICTURE,
            file=f"assets/{digest}.jpg",
            content_hash=digest,
            position=position,
        )
        for position, digest in enumerate(digests)
    ]
    return [*texts, *pictures]
