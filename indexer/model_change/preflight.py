"""Before hours of encoding: does the model load, does it know what it should, and is there room
for its space?
"""

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

BYTES_A_VALUE = 2
"""Vectors and features are stored in half precision."""

COPIES_OF_AN_INDEX = 3
"""While it is built: the vectors as they are gathered, the segment, and what is compressed of
it."""

BYTES_A_ROW = 300
"""Keys and indexes of an embedding, its features and its job."""


def check_target(target: ActiveModel) -> None:
    """Load both towers, which tests each and both together, and compare the free disk space with
    what is needed.

    Raises what loading raises (WeightsMissing, InvalidWeights, SelfTestFailed), and Unavailable
    when the disk is too full.
    """
    encoder = target.encoder()
    texts = encoder.text_features(["a photo of a red square"], TextRole.QUERY)
    drawn = Image.new("RGB", (encoder.decode_size, encoder.decode_size), "red")
    pictures = encoder.picture_features([encoder.prepare_picture(drawn)])
    needed = _bytes_needed(
        target, {AssetKind.TEXT: texts.shape[1], AssetKind.PICTURE: pictures.shape[1]}
    )
    free = shutil.disk_usage(engine_settings().var_dir).free
    if free < needed:
        raise Unavailable(
            f"the new space needs about {needed / 1e6:,.0f} MB beside the one in use; {free / 1e6:,.0f} MB are free",
            value=str(engine_settings().var_dir),
            fix="Make room on this disk.",
        )


def _bytes_needed(target: ActiveModel, widths: dict[AssetKind, int]) -> int:
    """For the index, and for the embeddings yet to be made where the database is a file on the
    same disk.
    """
    assets = Asset.objects.order_by()
    vector = target.space.dim * BYTES_A_VALUE
    needed = assets.count() * vector * COPIES_OF_AN_INDEX
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        contents = dict(
            assets.values_list("kind").annotate(count=Count("content_hash", distinct=True))
        )
        stored = Embedding.objects.filter(space=target.space.fingerprint).order_by()
        known = dict(stored.values_list("modality").annotate(count=Count("pk")))
        for kind, width in widths.items():
            missing = max(0, contents.get(kind, 0) - known.get(kind, 0))
            needed += missing * (vector + width * BYTES_A_VALUE + BYTES_A_ROW)
    return needed
