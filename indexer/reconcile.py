"""Finds lost work: claims of dead workers, contents without a job, uploads without an importer.

Messages only wake workers and may be lost. The database says what is to be done, and the
reconciler looks there.
"""

from __future__ import annotations

import datetime
import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from indexer.encoding.jobs import enqueue_missing_jobs, requeue_abandoned_jobs
from indexer.encoding.run import has_pending_work
from indexer.index.compaction import is_compaction_due
from indexer.model_change.claiming import release_abandoned_changes
from indexer.previews.run import find_clips_without_preview, release_abandoned_previews
from indexer.tuning.claiming import fail_abandoned_tunings, notify_pending_tunings
from webapp.catalog.models import Upload, UploadState
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

TERMINAL_HEAD_START = datetime.timedelta(minutes=1)
"""The terminal imports its own upload; after this time a worker resumes it."""

VERIFY_INTERVAL_S = 3600.0
"""Readers report a damaged generation when they open it, but the message may be lost."""

UPLOAD_BATCH_SIZE = 4
"""Uploads to wake an importer for in one run: more messages would pile up behind a long import."""

TEMPORARY_FILE_MAX_AGE_S = 24 * 3600.0
"""An older temporary file was left behind by a killed process."""


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """How much lost work was found."""

    requeued_jobs: int
    failed_jobs: int
    enqueued_jobs: int
    woken_uploads: int


class Reconciler:
    """Puts lost work back into the queues.

    It remembers up to which clock value the space was complete, so that an idle installation is
    not searched again.
    """

    def __init__(self) -> None:
        self._complete_at = ("", -1)
        self._verified_at = time.monotonic()

    def reconcile(self) -> ReconcileReport:
        """Find lost work and wake the workers that do it.

        1. Release what dead or silent processes hold: jobs, uploads, previews, tunings, changes
           of model.
        2. Enqueue contents that have neither an embedding nor a job.
        3. Wake workers where work waits: encoding, imports, compaction, previews, tunings, and
           once an hour a check of the live generation.
        4. Delete old temporary files and old clicks.
        """
        requeued, failed = requeue_abandoned_jobs()
        report = ReconcileReport(requeued, failed, self._enqueue_missing(), resume_uploads())
        if any((requeued, failed, report.enqueued_jobs, report.woken_uploads)):
            logger.info("found lost work: %s", report)
        fail_abandoned_tunings()
        release_abandoned_changes()
        if has_pending_work():
            notify_worker(ENCODE_QUEUED)
        if is_compaction_due():
            notify_worker(COMPACT)
        if release_abandoned_previews():
            notify_worker(MAKE_PREVIEWS)
        if time.monotonic() - self._verified_at > VERIFY_INTERVAL_S:
            self._verified_at = time.monotonic()
            notify_worker(REPAIR_INDEX)
        notify_pending_tunings()
        prune_temporary_files()
        prune_clicks()
        return report

    def _enqueue_missing(self) -> int:
        space, now = active_space().fingerprint, get_index_sequence()
        if (space, now) == self._complete_at:
            return 0
        enqueued = enqueue_missing_jobs(space=space)
        if find_clips_without_preview().exists():
            notify_worker(MAKE_PREVIEWS)
        self._complete_at = (space, now)
        return enqueued


def resume_uploads() -> int:
    """Release the uploads of dead importers and wake importers for the oldest that wait.

    Returns how many were woken.
    """
    Upload.objects.filter(state=UploadState.RUNNING).abandoned().release(state=UploadState.RECEIVED)
    in_terminal = Q(
        source=UploadSource.TERMINAL, created_at__gt=timezone.now() - TERMINAL_HEAD_START
    )
    waiting = get_claimable_uploads().exclude(in_terminal).values_list("pk", flat=True)
    woken = list(waiting[:UPLOAD_BATCH_SIZE])
    for upload_id in woken:
        notify_worker(IMPORT_UPLOAD, upload_id)
    return len(woken)


def prune_temporary_files() -> int:
    """Delete half-received and half-written files of killed processes. Return how many."""
    count = 0
    for path in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
        with suppress(FileNotFoundError):
            if path.is_file() and time.time() - path.stat().st_mtime > TEMPORARY_FILE_MAX_AGE_S:
                path.unlink()
                count += 1
    return count
