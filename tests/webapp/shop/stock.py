"""A small stocked shop: mugs and lamps in plain colours, encoded by a real encoder."""

from __future__ import annotations

import io
from decimal import Decimal

from django.core.files.base import ContentFile
from django.db import transaction
from PIL import Image

from search.files import sha256_hex
from search.types import TextRole
from tests.support.encoders import ColourEncoder
from webapp.catalog.models import Asset, AssetKind, Category, Embedding, Product
from webapp.catalog.services.assets import (
    StoredFile,
    make_file_assets,
    make_text_assets,
    store_file,
)
from webapp.catalog.services.index_sequence import mark_changed
from webapp.catalog.services.product_writer import sync_attribute_values

COLOURS = ("red", "green", "blue")


def picture_bytes(colour: str, *, side: int = 48, format: str = "PNG") -> bytes:
    """A picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(out, format)
    return out.getvalue()


def store(content: bytes, kind: AssetKind = AssetKind.PICTURE, suffix: str = ".png") -> StoredFile:
    digest = sha256_hex(content)
    name = store_file(ContentFile(content), content_hash=digest, suffix=suffix)
    return StoredFile(kind, name, digest, "test", len(content), 48, 48)


def categories() -> tuple[Category, Category]:
    """Kitchen > Mugs, and Lamps."""
    if not Category.objects.exists():
        kitchen = Category.objects.add_root(
            {"name": "Kitchen", "names": {"zh": "厨房"}, "slug": "kitchen"}
        )
        Category.objects.add_child(
            kitchen, {"name": "Mugs", "names": {"zh": "马克杯"}, "slug": "mugs"}
        )
        Category.objects.add_root({"name": "Lamps", "slug": "lamps"})
    return Category.objects.get(slug="mugs"), Category.objects.get(slug="lamps")


def stock(encoder: ColourEncoder, count: int = 12, *, first: int = 0) -> list[Product]:
    """Products `first`…: mugs and lamps in turn, three colours, prices 10.00 upwards, every
    fourth one sold out."""
    mugs, lamps = categories()
    products = [
        Product.objects.create(
            sku=f"P-{number}",
            title=f"{COLOURS[number % 3]} {('mug', 'lamp')[number % 2]} {number}",
            description="Made to last.",
            translations={"zh": {"title": f"商品{number}"}},
            brand=("Alder", "Birch")[number % 2],
            category=(mugs, lamps)[number % 2],
            price=Decimal(10 + number),
            currency="EUR",
            stock=number % 4,
            attributes={"colour": COLOURS[number % 3]},
        )
        for number in range(first, first + count)
    ]
    with transaction.atomic():
        sync_attribute_values(products)
        for number, product in enumerate(products, start=first):
            picture = store(picture_bytes(COLOURS[number % 3], side=48 + number))
            encode(
                encoder,
                Asset.objects.bulk_create(
                    [*make_text_assets(product), *make_file_assets(product, [picture])]
                ),
            )
        mark_changed([product.pk for product in products])
    return products


def encode(encoder: ColourEncoder, assets: list[Asset]) -> None:
    """Embeddings of these assets, as a worker would store them."""
    for asset in assets:
        if asset.kind == AssetKind.TEXT:
            vectors = encoder.encode_texts([asset.text], TextRole.DOCUMENT)
        else:
            with asset.file.open("rb") as file, Image.open(file) as picture:
                vectors = encoder.encode_pictures([encoder.prepare_picture(picture.convert("RGB"))])
        Embedding.objects.get_or_create(
            space=encoder.space.fingerprint,
            modality=asset.kind,
            content_hash=asset.content_hash,
            defaults={"vector": Embedding.pack(vectors[0])},
        )
