"""Finds work that was lost: claims of dead workers, contents without a job, uploads nobody goes
on with.

Messages only wake workers and may be lost; what is to be done stands in the database, and the
sweep looks there.
"""

from __future__ import annotations

import datetime
import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from indexer.encoding.run import has_pending_work
from indexer.index.compaction import is_compaction_due
from indexer.model_change.claiming import release_abandoned_changes
from indexer.previews.run import find_clips_without_preview, release_abandoned_previews
from indexer.tuning.claiming import fail_abandoned_tunings, notify_pending_tunings
from webapp.catalog.models import (
    Asset,
    AssetKind,
    Embedding,
    IndexJob,
    JobState,
    Upload,
    UploadState,
)
from webapp.catalog.models.upload import UploadSource
from webapp.catalog.selectors.embeddings import get_index_sequence
from webapp.catalog.selectors.uploads import get_claimable_uploads
from webapp.celery import (
    COMPACT,
    ENCODE_QUEUED,
    IMPORT_UPLOAD,
    MAKE_PREVIEWS,
    REPAIR_INDEX,
    notify_worker,
)
from webapp.clicklog.services import prune_clicks
from webapp.retrieval.models_runtime import active_space

logger = logging.getLogger(__name__)

MAX_LOST_WORKERS = 8
"""So many workers lost while they held it, and a job is set aside."""

TERMINAL_HEAD_START = datetime.timedelta(minutes=1)
"""An upload from a terminal is run there; a worker goes on with it only when the terminal does
not."""

VERIFY_INTERVAL_S = 3600.0
"""Readers tell of damage when they open a generation; this finds what a lost message told."""

UPLOAD_BATCH_SIZE = 4
"""Waiting uploads that one sweep wakes an importer for: were it all, messages would pile up
behind a long import."""

TEMPORARY_FILE_MAX_AGE_S = 24 * 3600.0
"""A temporary file older than this belongs to nobody: killed processes leave theirs behind."""

CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """How much lost work was found."""

    taken_back: int
    set_aside: int
    enqueued: int
    uploads: int


class Reconciler:
    """Remembers up to which clock value nothing was missing in the space, so that an idle
    installation is not searched again.
    """

    def __init__(self) -> None:
        self._complete_at = ("", -1)
        self._verified = time.monotonic()

    def sweep(self) -> ReconcileReport:
        """Put lost work back into the queues and wake those who do it."""
        space = active_space().fingerprint
        taken_back, set_aside = requeue_abandoned_jobs()
        report = ReconcileReport(
            taken_back, set_aside, self._enqueue_missing(space), resume_uploads()
        )
        if any((taken_back, set_aside, report.enqueued, report.uploads)):
            logger.info("swept: %s", report)
        if has_pending_work():
            notify_worker(ENCODE_QUEUED)
        if is_compaction_due():
            notify_worker(COMPACT)
        if release_abandoned_previews():
            notify_worker(MAKE_PREVIEWS)
        if time.monotonic() - self._verified > VERIFY_INTERVAL_S:
            self._verified = time.monotonic()
            notify_worker(REPAIR_INDEX)
        fail_abandoned_tunings()
        notify_pending_tunings()
        release_abandoned_changes()
        prune_temporary_files()
        prune_clicks()
        return report

    def _enqueue_missing(self, space: str) -> int:
        now = get_index_sequence()
        if (space, now) == self._complete_at:
            return 0
        enqueued = enqueue_missing_jobs(space=space)
        if find_clips_without_preview().exists():
            notify_worker(MAKE_PREVIEWS)
        self._complete_at = (space, now)
        return enqueued


def requeue_abandoned_jobs() -> tuple[int, int]:
    """Queue the jobs of dead or silent workers again, and set aside those that lost too many
    workers.
    """
    abandoned = IndexJob.objects.filter(state=JobState.CLAIMED).abandoned()
    deadly = abandoned.filter(attempts__gte=MAX_LOST_WORKERS - 1).release(
        state=JobState.FAILED,
        attempts=F("attempts") + 1,
        finished_at=timezone.now(),
        error_code="worker_lost",
        error=f"{MAX_LOST_WORKERS} workers were lost while they encoded this",
    )
    return abandoned.release(state=JobState.QUEUED, attempts=F("attempts") + 1), deadly


def enqueue_missing_jobs(*, space: str) -> int:
    """Enqueue contents that have neither embedding nor job, and jobs called done whose embedding
    is gone.
    """
    count = 0
    for kind in AssetKind:
        for hashes in _missing(space, kind):
            jobs = [IndexJob(space=space, modality=kind, content_hash=digest) for digest in hashes]
            IndexJob.objects.bulk_create(jobs, ignore_conflicts=True)
            count += len(jobs)
    stored = Embedding.objects.filter(
        space=OuterRef("space"),
        modality=OuterRef("modality"),
        content_hash=OuterRef("content_hash"),
    )
    return count + IndexJob.objects.filter(
        ~Exists(stored), space=space, state=JobState.DONE
    ).update(state=JobState.QUEUED, finished_at=None)


def _missing(space: str, kind: AssetKind) -> Iterator[list[str]]:
    """Content hashes in ascending chunks."""
    known = {"space": space, "modality": kind, "content_hash": OuterRef("content_hash")}
    lost = Asset.objects.filter(
        ~Exists(IndexJob.objects.filter(**known)),
        ~Exists(Embedding.objects.filter(**known)),
        kind=kind,
    )
    hashes = lost.order_by("content_hash").values_list("content_hash", flat=True).distinct()
    last = ""
    while chunk := list(hashes.filter(content_hash__gt=last)[:CHUNK]):
        yield chunk
        last = chunk[-1]


def resume_uploads() -> int:
    """Free the uploads of dead importers, and wake importers for the oldest that wait. Returns
    how many were woken.
    """
    Upload.objects.filter(state=UploadState.RUNNING).abandoned().release(state=UploadState.RECEIVED)
    in_terminal = Q(
        source=UploadSource.TERMINAL, created_at__gt=timezone.now() - TERMINAL_HEAD_START
    )
    waiting = list(
        get_claimable_uploads()
        .exclude(in_terminal)
        .values_list("pk", flat=True)[:UPLOAD_BATCH_SIZE]
    )
    for upload_id in waiting:
        notify_worker(IMPORT_UPLOAD, upload_id)
    return len(waiting)


def prune_temporary_files() -> int:
    """Remove what killed processes left in the folder of half-received and half-written files.
    Returns how many.
    """
    count = 0
    for path in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
        with suppress(FileNotFoundError):
            if path.is_file() and time.time() - path.stat().st_mtime > TEMPORARY_FILE_MAX_AGE_S:
                path.unlink()
                count += 1
    return count
