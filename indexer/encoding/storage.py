"""Store a batch in the database: vectors, features and errors, in one short transaction."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from django.db import OperationalError, transaction
from django.utils import timezone

from indexer.encoding.contents import EncodedContent, FailedContent
from indexer.encoding.encode import EncodedBatch
from indexer.encoding.jobs import Claim, Job, defer_jobs
from indexer.encoding.projection import get_tower_id
from search.encoders.protocol import TunableEncoder
from webapp.catalog.models import Asset, CachedFeatures, Embedding, JobState, Product
from webapp.catalog.models.spans import spans_pack
from webapp.catalog.selectors.spaces import is_offline_space
from webapp.catalog.services.features import make_cached_features, store_features
from webapp.catalog.services.index_sequence import mark_changed

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
"""A job fails after so many errors that may pass."""

RETRY_DELAY_S = 5.0
"""Delay after the first error; each further one doubles it."""

MAX_STORE_ATTEMPTS = 4
"""A deadlock or a lock timeout aborts only the transaction, which is tried again."""


def store_batch(
    claim: Claim, batch: EncodedBatch, orphans: Sequence[Job], encoder: TunableEncoder
) -> None:
    """Store vectors and features, and end the jobs as done or failed.

    After the commit, readers of the space find the new views, those of a clip all at once. A
    space without readers marks no product. A job whose claim was lost is left alone. Raises
    OperationalError when the database stays unavailable.
    """
    for attempt in range(1, MAX_STORE_ATTEMPTS + 1):
        try:
            _store(claim, batch, orphans, encoder)
            return
        except OperationalError as error:
            if attempt == MAX_STORE_ATTEMPTS:
                raise
            logger.warning("storing %d vectors again: %s", len(batch.encoded), error)
            time.sleep(0.1 * 2**attempt)


def _store(
    claim: Claim, batch: EncodedBatch, orphans: Sequence[Job], encoder: TunableEncoder
) -> None:
    with transaction.atomic():
        Embedding.objects.bulk_create(
            [
                Embedding(
                    space=encoder.space.fingerprint,
                    modality=views.modality,
                    content_hash=item.job.content_hash,
                    vector=Embedding.pack(views.vectors),
                    spans=spans_pack(views.spans),
                )
                for item in batch.encoded
                for views in item.views
            ],
            ignore_conflicts=True,
        )
        store_features(make_feature_rows(batch.encoded, encoder))
        claim.rows([item.job for item in batch.encoded]).release(
            state=JobState.DONE, finished_at=timezone.now(), error_code="", error=""
        )
        if orphans:
            claim.rows(orphans).delete()
        for failed in batch.failed:
            _store_failure(claim, failed)
        for item in batch.encoded:
            if item.note:
                _set_asset_error(claim, item.job, item.note)
        if not is_offline_space(encoder.space.fingerprint):
            mark_owners_changed([claim.modality], [item.job.content_hash for item in batch.encoded])


def make_feature_rows(
    encoded: Sequence[EncodedContent], encoder: TunableEncoder
) -> list[CachedFeatures]:
    """Return rows for the features of these contents that are not stored yet."""
    return [
        make_cached_features(
            item.job.content_hash,
            views.features,
            towers=get_tower_id(encoder, views.modality),
            modality=views.modality,
            spans=views.spans,
        )
        for item in encoded
        for views in item.views
        if views.features is not None
    ]


def _store_failure(claim: Claim, item: FailedContent) -> None:
    """Queue the job again for later, or end it as failed."""
    row, error = claim.rows([item.job]), item.error
    if not error.permanent and item.job.attempts + 1 < MAX_ATTEMPTS:
        delay = RETRY_DELAY_S * 2**item.job.attempts
        defer_jobs(row, error_code=error.code, error=error.message, seconds=delay)
        return
    logger.warning("%s %s failed: %s", claim.modality, item.job.content_hash, error.message)
    row.release(
        state=JobState.FAILED,
        attempts=item.job.attempts + 1,
        finished_at=timezone.now(),
        error_code=error.code,
        error=error.message[:500],
    )
    content = {"modality": claim.modality, "content_hash": item.job.content_hash}
    if not Embedding.objects.filter(**content).exists():
        # A content that another encoder could read is not broken itself.
        _set_asset_error(claim, item.job, error.message)


def _set_asset_error(claim: Claim, job: Job, error: str) -> None:
    Asset.objects.filter(kind=claim.modality, content_hash=job.content_hash).update(
        error=error[:500]
    )


def mark_owners_changed(kinds: Sequence[str], hashes: Sequence[str]) -> None:
    """Mark the products that own these contents as changed, inside a transaction.

    Products are locked in id order before the change clock is; an import uses the same order.
    """
    assets = Asset.objects.filter(kind__in=kinds, content_hash__in=hashes)
    owners = assets.order_by().values("product_id")
    locked = Product.objects.select_for_update(no_key=True).filter(pk__in=owners).order_by("pk")
    mark_changed(list(locked.values_list("pk", flat=True)))
