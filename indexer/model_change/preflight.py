"""Checks before hours of encoding: the model loads and passes its test, and the disk has room."""

from __future__ import annotations

import shutil

from django.conf import settings
from django.db.models import Count
from PIL import Image

from search.config import engine_settings
from search.errors import Unavailable
from search.types import TextRole
from webapp.catalog.models import Asset, AssetKind, Embedding
from webapp.retrieval.models_runtime import ActiveModel

BYTES_PER_VALUE = 2
"""Vectors and features are stored in half precision."""

INDEX_COPIES = 3
"""During a build: the vectors as they are collected, the segment, and its compressed form."""

BYTES_PER_ROW = 300
"""Keys and database indexes of an embedding, its features and its job."""


def check_target(target: ActiveModel) -> None:
    """Load both towers, which tests them, and compare the free disk space with the need.

    Raises WeightsMissing, InvalidWeights or SelfTestFailed from loading, and Unavailable when the
    disk is too full.
    """
    encoder = target.encoder()
    texts = encoder.text_features(["a photo of a red square"], TextRole.QUERY)
    square = Image.new("RGB", (encoder.decode_size, encoder.decode_size), "red")
    pictures = encoder.picture_features([encoder.prepare_picture(square)])
    needed = _estimate_bytes(
        target, {AssetKind.TEXT: texts.shape[1], AssetKind.PICTURE: pictures.shape[1]}
    )
    free = shutil.disk_usage(engine_settings().var_dir).free
    if free < needed:
        raise Unavailable(
            f"the new space needs about {needed / 1e6:,.0f} MB; {free / 1e6:,.0f} MB are free",
            value=str(engine_settings().var_dir),
            fix="Make room on this disk.",
        )


def _estimate_bytes(target: ActiveModel, widths: dict[AssetKind, int]) -> int:
    """Estimate the index, and the embeddings to come where the database is on the same disk."""
    assets = Asset.objects.order_by()
    vector = target.space.dim * BYTES_PER_VALUE
    needed = assets.count() * vector * INDEX_COPIES
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        contents = dict(
            assets.values_list("kind").annotate(count=Count("content_hash", distinct=True))
        )
        stored = Embedding.objects.filter(space=target.space.fingerprint).order_by()
        known = dict(stored.values_list("modality").annotate(count=Count("pk")))
        for kind, width in widths.items():
            missing = max(0, contents.get(kind, 0) - known.get(kind, 0))
            needed += missing * (vector + width * BYTES_PER_VALUE + BYTES_PER_ROW)
    return needed
