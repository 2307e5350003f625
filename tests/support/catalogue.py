"""Products for tests, put into the catalogue by its own services."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from django.core.files.base import ContentFile
from django.db import transaction
from PIL import Image

from search.files import sha256_hex
from webapp.catalog.models import Asset, AssetKind, Product
from webapp.catalog.services.assets import (
    StoredFile,
    make_file_assets,
    make_text_assets,
    store_file,
)
from webapp.catalog.services.index_sequence import mark_changed
from webapp.catalog.services.jobs import enqueue_jobs


def picture_bytes(seed: int, *, side: int = 32) -> bytes:
    """A PNG of coloured squares, different for every seed."""
    cells = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), np.uint8)
    picture = Image.fromarray(cells).resize((side, side), Image.Resampling.NEAREST)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def add_product(
    sku: str,
    *,
    title: str,
    pictures: Sequence[bytes] = (),
    sounds: Sequence[bytes] = (),
    videos: Sequence[bytes] = (),
    space: str,
) -> Product:
    """A product with its assets and jobs, as an import would leave it."""
    files = [
        _store(content, kind, suffix)
        for kind, contents, suffix in (
            (AssetKind.PICTURE, pictures, ".png"),
            (AssetKind.AUDIO, sounds, ".wav"),
            (AssetKind.VIDEO, videos, ".mkv"),
        )
        for content in contents
    ]
    with transaction.atomic():
        product = Product.objects.create(sku=sku, title=title)
        assets = Asset.objects.bulk_create(
            [*make_text_assets(product), *make_file_assets(product, files)]
        )
        enqueue_jobs(assets, space=space)
        mark_changed([product.pk])
    return product


def _store(content: bytes, kind: AssetKind, suffix: str) -> StoredFile:
    digest = sha256_hex(content)
    name = store_file(ContentFile(content), content_hash=digest, suffix=suffix)
    return StoredFile(kind, name, digest, "test", len(content))
