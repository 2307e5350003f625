"""Fill a space with embeddings of every content in use: encoded anew, or projected.

A change of model encodes, because it has other towers. A tuning projects the stored features of
the same towers through other heads, which decodes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TypeAlias

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from indexer.encoding.jobs import enqueue_missing_jobs, requeue_abandoned_jobs
from indexer.encoding.projection import get_tower_id, project_stored
from indexer.encoding.run import encode_space
from indexer.encoding.storage import mark_owners_changed
from indexer.encoding.totals import EncodeTotals
from indexer.model_release.progress import Progress
from search.encoders.protocol import TunableEncoder
from search.modalities import MODALITIES
from search.types import Modality
from webapp.catalog.models import (
    Asset,
    CachedFeatures,
    Embedding,
    IndexJob,
    JobState,
    ModelChange,
    Tuning,
    TuningStage,
)
from webapp.celery import ENCODE_QUEUED, notify_worker
from webapp.retrieval.models_runtime import ActiveModel

POLL_INTERVAL_S = 0.2
"""Between two looks at jobs that other workers hold or that wait for another attempt."""

ROW_BATCH_SIZE = 1_000
CLIP_BATCH_SIZE = 50
"""A clip has as many views as dozens of pictures."""

StoredFeatures: TypeAlias = "tuple[int, str, bytes | memoryview[int], bytes | memoryview[int]]"
"""Id, content hash, features and spans as stored."""


def encode_whole_space(
    model: ActiveModel, progress: Progress[ModelChange], stage: str, *, alone: bool = False
) -> None:
    """Encode every content that the space of `model` lacks, here and in whatever workers run.

    Returns when every content is encoded or has failed. With `alone`, jobs of the space in use
    are left to others. Memory holds a few batches. Killed at any point, stored embeddings stay.
    Raises what EncodeWorker.run and load_encoder raise.
    """
    space = model.space.fingerprint
    enqueue_missing_jobs(space=space)
    progress.begin(stage, _count_open_jobs(space))
    notify_worker(ENCODE_QUEUED)

    def show(totals: EncodeTotals | None = None) -> None:
        if totals is None or progress.is_due:
            left = _count_open_jobs(space)
            progress.row.total = max(progress.row.total, left)
            progress.row.done = progress.row.total - left
            progress.write()

    while _count_open_jobs(space):
        encode_space(model, show, alone=alone)
        requeue_abandoned_jobs()
        show()
        if _count_open_jobs(space):
            time.sleep(POLL_INTERVAL_S)
    show()


def _count_open_jobs(space: str) -> int:
    open_jobs = IndexJob.objects.filter(space=space, state__in=[JobState.QUEUED, JobState.CLAIMED])
    return open_jobs.count()


def project_space(
    encoder: TunableEncoder, *, mark_changed: bool, progress: Progress[Tuning] | None = None
) -> int:
    """Project stored features that have no embedding in the encoder's space. Return how many.

    `mark_changed` announces the products to readers, which is necessary as soon as a generation
    of the space exists. Frames come last, because their row says that a video is complete.
    """
    count = 0
    for modality in Modality:
        missing, last = _find_unprojected(encoder, modality), 0
        size = CLIP_BATCH_SIZE if modality in MODALITIES.clips else ROW_BATCH_SIZE
        if progress:
            progress.begin(TuningStage.PROJECTING, missing.count())
        while rows := list(missing.filter(pk__gt=last).order_by("pk")[:size]):
            _store_projected(encoder, modality, rows, mark_changed=mark_changed)
            last = rows[-1][0]
            count += len(rows)
            if progress:
                progress.advance(len(rows))
    return count


def _find_unprojected(
    encoder: TunableEncoder, modality: Modality
) -> QuerySet[CachedFeatures, StoredFeatures]:
    same = {"modality": modality, "content_hash": OuterRef("content_hash")}
    embedded = Embedding.objects.filter(space=encoder.space.fingerprint, **same)
    used = Asset.objects.filter(
        kind__in=MODALITIES.asset_kinds(modality), content_hash=OuterRef("content_hash")
    )
    rows = CachedFeatures.objects.filter(
        ~Exists(embedded),
        Exists(used),
        towers=get_tower_id(encoder, modality),
        modality=modality,
    )
    return rows.values_list("pk", "content_hash", "features", "spans")


def _store_projected(
    encoder: TunableEncoder,
    modality: Modality,
    rows: Sequence[StoredFeatures],
    *,
    mark_changed: bool,
) -> None:
    vectors = project_stored(encoder, modality, [(bytes(row[2]), bytes(row[3])) for row in rows])
    embeddings = [
        Embedding(
            space=encoder.space.fingerprint,
            modality=modality,
            content_hash=content_hash,
            vector=Embedding.pack(own),
            spans=spans,
        )
        for (_, content_hash, _, spans), own in zip(rows, vectors, strict=True)
    ]
    with transaction.atomic():
        Embedding.objects.bulk_create(embeddings, ignore_conflicts=True)
        if mark_changed:
            mark_owners_changed(MODALITIES.asset_kinds(modality), [row[1] for row in rows])
