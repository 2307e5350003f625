"""How a space comes into use: embeddings projected, a generation built beside the live one, one
row flipped.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from indexer.encoding.projection import get_tower_id, project_stored
from indexer.index.compaction import build_generation
from indexer.progress import held_by_this_process
from indexer.reconcile import enqueue_missing_jobs
from indexer.tuning.progress import TuningProgress
from search.config import engine_settings
from search.encoders.protocol import TunableEncoder
from search.errors import CorruptGeneration, NoGeneration, Unavailable
from search.modalities import MODALITIES
from search.types import Modality
from search.vectors.backends import delete_index, open_generations
from webapp.catalog.models import (
    Asset,
    CachedFeatures,
    Embedding,
    IndexGeneration,
    IndexJob,
    JobState,
    Product,
    Tuning,
    TuningStage,
    TuningState,
)
from webapp.catalog.selectors.spaces import get_active_preset
from webapp.catalog.services.index_sequence import mark_changed
from webapp.celery import ENCODE_QUEUED, notify_worker

logger = logging.getLogger(__name__)

ROW_BATCH_SIZE = 1_000
CLIP_BATCH_SIZE = 50
"""A clip has as many views as dozens of pictures."""

Row = tuple[int, str, bytes, bytes]
"""Id, content hash, features and spans as stored."""


def project_space(
    encoder: TunableEncoder, *, touch: bool, progress: TuningProgress | None = None
) -> int:
    """Project whatever has features but no embedding in the encoder's space. Returns how many
    contents.

    `touch` tells readers of the products: needed as soon as a generation of the space exists.
    Frames come last, because their row says that a video is complete.
    """
    count = 0
    for modality in Modality:
        missing, last = _unprojected(encoder, modality), 0
        size = CLIP_BATCH_SIZE if modality in MODALITIES.clips else ROW_BATCH_SIZE
        if progress:
            progress.begin(TuningStage.PROJECTING, missing.count())
        while rows := list(missing.filter(pk__gt=last).order_by("pk")[:size]):
            _store(encoder, modality, rows, touch=touch)
            last = rows[-1][0]
            count += len(rows)
            if progress:
                progress.advance(len(rows))
    return count


def _unprojected(encoder: TunableEncoder, modality: Modality) -> QuerySet[CachedFeatures, Row]:
    towers = get_tower_id(encoder, modality)
    same = {"modality": modality, "content_hash": OuterRef("content_hash")}
    embedded = Embedding.objects.filter(space=encoder.space.fingerprint, **same)
    used = Asset.objects.filter(
        kind__in=MODALITIES.asset_kinds(modality), content_hash=OuterRef("content_hash")
    )
    rows = CachedFeatures.objects.filter(
        ~Exists(embedded), Exists(used), towers=towers, modality=modality
    )
    return rows.values_list("pk", "content_hash", "features", "spans")


def _store(
    encoder: TunableEncoder, modality: Modality, rows: Sequence[Row], *, touch: bool
) -> None:
    vectors = project_stored(encoder, modality, [row[2:] for row in rows])
    hashes = [row[1] for row in rows]
    space = encoder.space.fingerprint
    with transaction.atomic():
        Embedding.objects.bulk_create(
            [
                Embedding(
                    space=space,
                    modality=modality,
                    content_hash=row[1],
                    vector=Embedding.pack(own),
                    spans=row[3],
                )
                for row, own in zip(rows, vectors, strict=True)
            ],
            ignore_conflicts=True,
        )
        if touch:
            kinds = MODALITIES.asset_kinds(modality)
            owners = (
                Asset.objects.filter(kind__in=kinds, content_hash__in=hashes)
                .order_by()
                .values("product_id")
            )
            locked = (
                Product.objects.select_for_update(no_key=True).filter(pk__in=owners).order_by("pk")
            )
            mark_changed(list(locked.values_list("pk", flat=True)))


def publish(tuning: Tuning, encoder: TunableEncoder, former: str, progress: TuningProgress) -> None:
    """Bring the tuned space into use. Until the last step readers see nothing of it; then they
    see all of it.

    `former` is the fingerprint of the space in use. Raises Unavailable when other heads are in
    use by now than those that the tuning was compared with.
    """
    project_space(encoder, touch=False, progress=progress)
    progress.begin(TuningStage.BUILDING, 1)
    build_generation(encoder.space)
    project_space(encoder, touch=True)
    with transaction.atomic():
        live = _live(tuning.base)
        if (live and live.pk) != tuning.previous_id:
            raise Unavailable(
                "other heads came into use meanwhile, so the comparison is void", fix="Tune again."
            )
        Tuning.objects.filter(preset=tuning.preset, state=TuningState.LIVE).update(
            state=TuningState.RETIRED
        )
        if not held_by_this_process(tuning).update(
            state=TuningState.LIVE, stage="", finished_at=timezone.now()
        ):
            raise Unavailable(
                "this tuning was given up while it ran", value=tuning.pk, fix="Tune again."
            )
    _settle(tuning.preset, encoder, former)
    drop_old_tuned_spaces(tuning, kept={former, encoder.space.fingerprint, tuning.base})


def drop_old_tuned_spaces(tuning: Tuning, *, kept: Collection[str]) -> None:
    """Drop embeddings and indexes of former tunings of the preset, all but the spaces `kept`.

    The heads' files stay: going back to one of them projects and builds anew.
    """
    known = Tuning.objects.filter(preset=tuning.preset).exclude(space="")
    for space in set(known.values_list("space", flat=True)) - set(kept):
        drop_space(space)


def drop_space(space: str) -> None:
    """Forget the embeddings and the index of a space."""
    for model in (Embedding, IndexJob, IndexGeneration):
        model.objects.filter(space=space).delete()
    delete_index(engine_settings(), space)


def roll_back(tuning: Tuning, encoder: TunableEncoder) -> None:
    """Bring the space of `encoder` back into use, which was there before `tuning`, which is
    live. Contents that came since are projected from their features.
    """
    project_space(encoder, touch=True)
    try:
        open_generations(engine_settings(), encoder.space).get_live()
    except (NoGeneration, CorruptGeneration):
        build_generation(encoder.space)
    with transaction.atomic():
        live = _live(tuning.base)
        if live is None or live.pk != tuning.pk:
            raise Unavailable("this tuning is not in use any more", value=str(tuning))
        Tuning.objects.filter(pk=tuning.pk).update(
            state=TuningState.ROLLED_BACK, rollback_requested=False
        )
        if tuning.previous_id:
            Tuning.objects.filter(pk=tuning.previous_id).update(state=TuningState.LIVE)
    _settle(tuning.preset, encoder, tuning.space)


def _live(base: str) -> Tuning | None:
    return Tuning.objects.select_for_update().filter(base=base, state=TuningState.LIVE).first()


def _settle(preset: str, encoder: TunableEncoder, former: str) -> None:
    """What arrived in the former space in the last moments, and what waits to be encoded into
    it.
    """
    project_space(encoder, touch=True)
    if preset != get_active_preset():
        return
    IndexJob.objects.filter(space=former, state=JobState.QUEUED).delete()
    if enqueue_missing_jobs(space=encoder.space.fingerprint):
        notify_worker(ENCODE_QUEUED)
    logger.info("space %s is in use instead of %s", encoder.space.fingerprint, former)
