"""Products with ready embeddings, changed by the same transactions as in production."""

from __future__ import annotations

import time
from collections.abc import Sequence

from django.db import transaction

from search.config import engine_settings
from search.encoders.presets import derive_tuned_space
from search.encoders.registry import resolve_space
from search.types import Modality, Space
from tools.bench.soak.dataset import (
    KINDS,
    SECOND_SPACE,
    SoakDataset,
    Stored,
    content_brand,
    content_hash,
    content_rows,
)
from tools.bench.soak.journal import Change, ChangeKind, Views
from webapp.catalog.models import Asset, AssetKind, Embedding, Product
from webapp.catalog.services.index_sequence import mark_changed
from webapp.catalog.services.products import remove_products

FILL_BATCH_SIZE = 250
"""Products per transaction when the shop is filled."""


def soak_spaces() -> tuple[Space, Space]:
    """Return the space of the preset's own heads, and the one that replaces it during the run."""
    own = resolve_space(engine_settings())
    return own, derive_tuned_space(own, SECOND_SPACE)


class Shop:
    """The shop. Each method is one transaction and returns the changes for the journal."""

    def __init__(self, dataset: SoakDataset) -> None:
        self._spaces = soak_spaces()
        self._pools: dict[tuple[int, Modality], Stored] = {
            (number, kind): dataset.stored_vectors(number, kind)
            for number in (0, 1)
            for kind in KINDS
        }

    def add(self, contents: Sequence[int]) -> list[Change]:
        """Add one product per content, already encoded in both spaces."""
        begun = time.monotonic()
        with transaction.atomic():
            products = Product.objects.bulk_create(
                [
                    Product(sku=f"life-{at}", title=f"item {at}", brand=content_brand(at))
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
                ChangeKind.ADDED,
                product.pk,
                content,
                content_brand(content),
                views[product.pk],
            )
            for product, content in zip(products, contents, strict=True)
        ]

    def replace(self, product_id: int, content: int, brand: str) -> Change:
        """Replace pictures and text of a product."""
        begun = time.monotonic()
        with transaction.atomic():
            product = Product.objects.select_for_update().get(pk=product_id)
            product.title = f"item {content}"
            product.save(update_fields=["title", "updated_at"])
            product.assets.all().delete()
            views = self._encode([product], [content])
            mark_changed([product_id])
        return Change(
            begun,
            time.monotonic(),
            ChangeKind.REPLACED,
            product_id,
            content,
            brand,
            views[product_id],
        )

    def remove(self, product_id: int) -> Change:
        begun = time.monotonic()
        remove_products([product_id])
        return Change(begun, time.monotonic(), ChangeKind.REMOVED, product_id)

    def hide(self, product_id: int) -> Change:
        begun = time.monotonic()
        self._set_visible(product_id, visible=False)
        return Change(begun, time.monotonic(), ChangeKind.HIDDEN, product_id)

    def show(self, product_id: int, content: int, brand: str, views: Views) -> Change:
        """Show a hidden product again."""
        begun = time.monotonic()
        self._set_visible(product_id, visible=True)
        return Change(begun, time.monotonic(), ChangeKind.SHOWN, product_id, content, brand, views)

    def _set_visible(self, product_id: int, *, visible: bool) -> None:
        with transaction.atomic():
            Product.objects.filter(pk=product_id).update(visible=visible)
            mark_changed([product_id])

    def _encode(self, products: Sequence[Product], contents: Sequence[int]) -> dict[int, Views]:
        """Create assets and their embeddings in both spaces, as an import and a worker do."""
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
            for row in content_rows(kind, content)
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
        for row in content_rows(Modality.TEXT, content)
    ]
    rows = content_rows(Modality.PICTURE, content)
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
