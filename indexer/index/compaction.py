"""Compaction: fold the delta into a new generation, and mirror generations in the database."""

from __future__ import annotations

import datetime
import logging

from django.db import connections, transaction
from django.db.models import Min
from django.utils import timezone

from indexer.index.popular_queries import embed_popular_queries
from search.config import engine_settings
from search.cpu import run_in_background
from search.errors import CorruptGeneration, NoGeneration, Unavailable
from search.types import Space
from search.vectors.backends import make_builder, open_generations
from search.vectors.generations import GenerationInfo
from search.vectors.manifest import Manifest
from webapp.catalog.models import (
    GenerationState,
    IndexGeneration,
    IndexJob,
    JobState,
    RemovedProduct,
    Upload,
    UploadState,
)
from webapp.catalog.selectors.embeddings import (
    count_changes_since,
    get_index_sequence,
    stream_visible_views,
)
from webapp.retrieval.models_runtime import active_space

logger = logging.getLogger(__name__)

BUSY_FACTOR = 10
"""While rows are imported or encoded, the delta may grow to so many times its limit. A build would
compete with them for the cores and be stale at once."""

IDLE_COMPACTION_AGE = datetime.timedelta(hours=1)
"""Age of the live generation at which a delta of any size is folded, when nothing is encoded."""

TOMBSTONE_MIN_AGE = datetime.timedelta(days=1)
"""A running build, or a killed one that is resumed, of a space without a generation may hold a
product that was deleted since it began. Its readers need the tombstone."""


def is_compaction_due() -> bool:
    """Return whether a new generation is worth its cost.

    It is when there is none or a damaged one, and when the backend was changed: tombstones were
    kept for the generations of the previous one.
    """
    now, busy = get_index_sequence(), _is_busy()
    try:
        live = open_generations(engine_settings(), active_space()).get_live()
    except (NoGeneration, CorruptGeneration):
        return now > 0 and not busy
    except Unavailable as error:
        logger.warning("no compaction while the index cannot be reached: %s", error)
        return False
    if not _is_mirrored(live):
        return not busy
    if now == live.seq:
        return False
    changed, limit = count_changes_since(seq=live.seq), engine_settings().delta_compact_at
    if busy:
        return changed >= BUSY_FACTOR * limit
    is_old = timezone.now() - live.created_at > IDLE_COMPACTION_AGE
    return changed >= limit or (changed > 0 and is_old)


def _is_mirrored(live: Manifest) -> bool:
    rows = IndexGeneration.objects.filter(space=live.space, state=GenerationState.LIVE)
    return rows.filter(number=live.number, seq=live.seq).exists()


def _is_busy() -> bool:
    jobs = IndexJob.objects.filter(
        space=active_space().fingerprint,
        state__in=[JobState.QUEUED, JobState.CLAIMED],
        not_before__lte=timezone.now(),
    )
    return jobs.exists() or Upload.objects.filter(state=UploadState.RUNNING).exists()


def build_generation(space: Space | None = None) -> Manifest:
    """Build and publish a generation of a space, by default the one in use.

    It reads stored embeddings and encodes nothing. It runs at low priority: searches come first.
    Raises BuildInProgress, Unavailable (disk full), InvalidVectors.
    """
    return run_in_background(lambda: _build_and_disconnect(space or active_space()))


def repair_generation() -> Manifest | None:
    """Build another generation when the live one is damaged. Return None when it is intact.

    Readers answer from the previous one and the delta meanwhile. Raises as `build_generation`
    does.
    """
    try:
        open_generations(engine_settings(), active_space()).verify()
    except NoGeneration:
        return None
    except CorruptGeneration as error:
        logger.error("the live generation is damaged and is built again: %s", error)
        return build_generation()
    return None


def _build_and_disconnect(space: Space) -> Manifest:
    """Build, then close the database connections of this thread, which ends."""
    try:
        return _build(space)
    finally:
        connections.close_all()


def _build(space: Space) -> Manifest:
    builder = make_builder(engine_settings(), space)
    seq = get_index_sequence()
    manifest = builder.build(stream_visible_views(space=space), seq, embed_popular_queries(space))
    sync_generation_rows(space=space)
    prune_tombstones()
    logger.info(
        "published generation %d: %d views, clock %d, %.1f s",
        manifest.number,
        manifest.views,
        manifest.seq,
        manifest.build_seconds,
    )
    return manifest


def sync_generation_rows(*, space: Space) -> None:
    """Make the rows of a space say what the backend holds, and delete rows of gone generations."""
    generations = open_generations(engine_settings(), space).list_all()
    rows = IndexGeneration.objects.filter(space=space.fingerprint)
    with transaction.atomic():
        rows.exclude(number__in=[info.number for info in generations]).delete()
        # Only one row may be live at any moment.
        rows.filter(state=GenerationState.LIVE).update(state=GenerationState.RETIRED)
        for info in sorted(generations, key=lambda info: info.live):
            IndexGeneration.objects.update_or_create(
                space=space.fingerprint,
                number=info.number,
                defaults=_to_fields(info),
                create_defaults=_to_fields(info),
            )


def _to_fields(info: GenerationInfo) -> dict[str, object]:
    if info.manifest is None:
        return {"state": GenerationState.FAILED, "error": (info.fault or "")[:500], "seq": 0}
    return {
        "state": GenerationState.LIVE if info.live else GenerationState.RETIRED,
        "error": "",
        "seq": info.manifest.seq,
        "views": info.manifest.views,
        "manifest": info.manifest.model_dump(mode="json"),
    }


def prune_tombstones() -> int:
    """Delete tombstones of products that no generation of any space holds. Return how many."""
    oldest = IndexGeneration.objects.aggregate(oldest=Min("seq"))["oldest"] or 0
    old_enough = timezone.now() - TOMBSTONE_MIN_AGE
    return RemovedProduct.objects.filter(
        index_seq__lte=oldest, removed_at__lte=old_enough
    ).delete()[0]
