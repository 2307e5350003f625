"""The database's part: a batch's vectors and faults in one short transaction."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from django.db import OperationalError, transaction
from django.utils import timezone

from indexer.encoding.claiming import Claim, Job, defer_jobs
from indexer.encoding.contents import EncodedContent, FailedContent
from indexer.encoding.encode import EncodedBatch
from indexer.encoding.projection import get_tower_id
from search.encoders.protocol import TunableEncoder
from webapp.catalog.models import Asset, CachedFeatures, Embedding, JobState, Product
from webapp.catalog.models.spans import spans_pack
from webapp.catalog.selectors.spaces import is_offline_space
from webapp.catalog.services.features import make_cached_features, store_features
from webapp.catalog.services.index_sequence import mark_changed

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 5
"""Failures that may pass are tried this often before the job is set aside."""

RETRY_DELAY_S = 5.0
"""Delay after the first failure; doubled by each further one."""

MAX_STORE_ATTEMPTS = 4
"""A deadlock or a lock held too long aborts the transaction, not the work: it is stored again."""


def store_batch(
    claim: Claim, batch: EncodedBatch, orphans: Sequence[Job], encoder: TunableEncoder
) -> None:
    """Keep vectors and features, finish the jobs, set faults aside; after the commit readers of
    the space find the new views, all those of a clip at once, but for a space that has no
    readers yet.

    A job whose claim was taken back is left alone. Raises OperationalError when the database
    stays away.
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
        for item in batch.set_aside:
            _set_aside(claim, item)
        for item in batch.encoded:
            if item.note:
                _tell(claim, item.job, item.note)
        if not is_offline_space(encoder.space.fingerprint):
            _mark_owners_changed(claim, batch.encoded)


def make_feature_rows(
    encoded: Sequence[EncodedContent], encoder: TunableEncoder
) -> list[CachedFeatures]:
    """What towers saw of these contents and is not stored yet."""
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


def _set_aside(claim: Claim, item: FailedContent) -> None:
    row, fault = claim.rows([item.job]), item.fault
    if not fault.permanent and item.job.attempts + 1 < MAX_ATTEMPTS:
        delay = RETRY_DELAY_S * 2**item.job.attempts
        defer_jobs(row, error_code=fault.code, error=fault.message, seconds=delay)
        return
    logger.warning("set aside %s %s: %s", claim.modality, item.job.content_hash, fault.message)
    row.release(
        state=JobState.FAILED,
        attempts=item.job.attempts + 1,
        finished_at=timezone.now(),
        error_code=fault.code,
        error=fault.message[:500],
    )
    content = {"modality": claim.modality, "content_hash": item.job.content_hash}
    if not Embedding.objects.filter(**content).exists():
        # What another encoder could read has no fault of its own.
        _tell(claim, item.job, fault.message)


def _tell(claim: Claim, job: Job, fault: str) -> None:
    Asset.objects.filter(kind=claim.modality, content_hash=job.content_hash).update(
        error=fault[:500]
    )


def _mark_owners_changed(claim: Claim, encoded: Sequence[EncodedContent]) -> None:
    """Rows are locked in id order before the clock is: an import locks its products first, too."""
    hashes = [item.job.content_hash for item in encoded]
    owners = (
        Asset.objects.filter(kind=claim.modality, content_hash__in=hashes)
        .order_by()
        .values("product_id")
    )
    locked = Product.objects.select_for_update(no_key=True).filter(pk__in=owners).order_by("pk")
    mark_changed(list(locked.values_list("pk", flat=True)))
