"""A small shop in the database with generated embeddings: retrieval is tested without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np
from django.db import transaction

from search.types import Modality, Span, Vectors
from webapp.catalog.models import Asset, AssetKind, Category, Embedding, Product
from webapp.catalog.models.spans import spans_pack
from webapp.catalog.services.assets import hash_text
from webapp.catalog.services.index_sequence import mark_changed
from webapp.catalog.services.product_writer import sync_attribute_values
from webapp.retrieval.models_runtime import active_space

COLOURS = ("red", "green", "blue")
BRANDS = ("Alder", "Birch")


def direction(seed: int) -> Vectors:
    vector = np.random.default_rng(seed).normal(size=active_space().dim).astype(np.float32)
    unit: Vectors = vector / np.linalg.norm(vector)
    return unit


def near(centre: Vectors, seed: int, spread: float = 0.5) -> Vectors:
    mixed = centre + spread * direction(seed)
    unit: Vectors = mixed / np.linalg.norm(mixed)
    return unit


def make_shop(count: int = 30) -> list[Product]:
    """Products 0…: mugs and lamps in turn, three colours, two brands, prices 10.00 upwards;
    number 5 has no price."""
    kitchen = Category.objects.add_root({"name": "Kitchen", "slug": "kitchen"})
    mugs = Category.objects.add_child(kitchen, {"name": "Mugs", "slug": "mugs"})
    lamps = Category.objects.add_root({"name": "Lamps", "slug": "lamps"})
    centres = {mugs.pk: direction(1), lamps.pk: direction(2)}
    products = [
        Product.objects.create(
            sku=f"SKU-{number:03}",
            title=f"Product {number}",
            brand=BRANDS[number % 2],
            category=(mugs, lamps)[number // 2 % 2],
            price=None if number == 5 else Decimal(10 + number),
            currency="EUR",
            stock=number % 4,
            attributes={"colour": COLOURS[number % 3], "tags": ["gift", f"t{number % 5}"]},
        )
        for number in range(count)
    ]
    with transaction.atomic():
        sync_attribute_values(products)
        for number, product in enumerate(products):
            add_view(product, near(centres[product.category_id], 100 + number))
        mark_changed([product.pk for product in products])
    return products


def add_view(product: Product, vector: Vectors) -> Asset:
    """A text asset with its embedding."""
    text = f"{product.title} {product.assets.count()}"
    asset = Asset.objects.create(
        product=product, kind=AssetKind.TEXT, role="title", text=text, content_hash=hash_text(text)
    )
    Embedding.objects.create(
        space=active_space().fingerprint,
        modality=AssetKind.TEXT,
        content_hash=asset.content_hash,
        vector=Embedding.pack(vector),
    )
    return asset


def add_clip(
    product: Product, kind: AssetKind, views: Mapping[Modality, Sequence[Vectors]]
) -> Asset:
    """A clip asset: in each modality one part a second. A video's first frame is the clip as a
    whole."""
    digest = hash_text(f"clip {Asset.objects.count()}")
    for modality, vectors in views.items():
        parts = len(vectors) - (modality is Modality.VIDEO)
        Embedding.objects.create(
            space=active_space().fingerprint,
            modality=modality,
            content_hash=digest,
            vector=Embedding.pack(np.stack(vectors)),
            spans=spans_pack(Span(second, second + 1) for second in range(parts)),
        )
    asset = Asset.objects.create(
        product=product, kind=kind, file=f"assets/{digest}.bin", content_hash=digest
    )
    with transaction.atomic():
        mark_changed([product.pk])
    return asset
