"""Media files of one product, added and removed one at a time."""

from __future__ import annotations

from django.core.files.base import File
from django.db import transaction
from django.db.models import Max

from search.errors import InputError
from search.types import Modality
from webapp.catalog.models import Asset, AssetKind, Product
from webapp.catalog.services.assets import enqueue_jobs, make_file_assets
from webapp.catalog.services.index_sequence import mark_changed
from webapp.catalog.services.media import store_media
from webapp.celery import ENCODE_QUEUED, notify_worker


def add_asset(
    *, product: Product, file: File, space: str, wanted: Modality | None = None
) -> tuple[Asset, bool]:
    """Store a picture, audio clip or video behind the product's others of its kind, and queue it
    for encoding.

    Returns the asset and whether it is new: a product shows a content once. Raises InputError
    for an empty file, MediaTooLarge, MediaUnreadable, or MediaUnsupported (also for a file of
    another kind than `wanted`), and Product.DoesNotExist when the product was deleted meanwhile.
    """
    if not file.size:
        raise InputError("the file is empty", value=file.name)
    [asset] = make_file_assets(product, [store_media(content=file, wanted=wanted)])
    with transaction.atomic():
        Product.objects.select_for_update().get(pk=product.pk)
        siblings = Asset.objects.filter(product=product, kind=asset.kind)
        known = siblings.filter(content_hash=asset.content_hash).first()
        if known is not None:
            return known, False
        last = siblings.aggregate(last=Max("position"))["last"]
        asset.position = 0 if last is None else last + 1
        asset.save()
        enqueue_jobs([asset], space=space)
        mark_changed([product.pk])
        transaction.on_commit(lambda: notify_worker(ENCODE_QUEUED))
    return asset, True


def remove_asset(*, asset: Asset) -> None:
    """Take a media file off its product. The stored file stays, because other products may show it.

    Raises InputError for a text: texts follow the product's fields.
    """
    if asset.kind == AssetKind.TEXT:
        raise InputError(
            "a text cannot be removed by itself",
            value=asset.role,
            fix="Change the product's fields.",
        )
    with transaction.atomic():
        asset.delete()
        mark_changed([asset.product_id])
