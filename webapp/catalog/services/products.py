"""Products edited one at a time, by hand."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from search.types import Space
from webapp.catalog.models import Asset, AssetKind, Product
from webapp.catalog.services.asset_plan import plan_assets, write_assets
from webapp.catalog.services.assets import enqueue_jobs, make_text_assets
from webapp.catalog.services.attributes import sync_attribute_values
from webapp.catalog.services.index_sequence import mark_changed
from webapp.celery import ENCODE_QUEUED, notify_worker


def product_sync(*, product: Product, space: Space, media: Sequence[Asset] = ()) -> None:
    """Bring a saved product's texts, jobs and attribute rows up to date, and let readers of the
    index see it anew.

    `media` are saved assets that are new and still have to be encoded.
    """
    with transaction.atomic():
        stored = list(product.assets.filter(kind=AssetKind.TEXT))
        plan = plan_assets(stored, make_text_assets(product), [AssetKind.TEXT])
        write_assets(plan)
        sync_attribute_values([product])
        enqueue_jobs([*plan.added, *media], space=space.fingerprint)
        mark_changed([product.pk])
        transaction.on_commit(lambda: notify_worker(ENCODE_QUEUED))
