"""The Celery tasks.

A message only says that there is work, and the database says which: any message may be lost, come
twice or come late. Settings make every task acknowledged late.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.db import OperationalError

from indexer.encoding import run
from indexer.index.compaction import build_generation, is_compaction_due, repair_generation
from indexer.previews.run import find_clips_without_preview, make_missing_previews
from indexer.reconcile import Reconciler
from indexer.tuning.claiming import fail_abandoned_tunings
from search.errors import BuildInProgress, OmnishelfError, Unavailable
from webapp.catalog.models import Tuning, TuningState
from webapp.celery import (
    COMPACT,
    ENCODE_QUEUED,
    IMPORT_UPLOAD,
    MAKE_PREVIEWS,
    RECONCILE,
    REPAIR_INDEX,
    ROLL_BACK_TUNING,
    TUNE,
    notify_worker,
)
from webapp.importing.service import run_upload

logger = logging.getLogger(__name__)

RETRIES: dict[str, Any] = {
    "autoretry_for": (Unavailable, OperationalError),
    "max_retries": 5,
    "retry_backoff": 2,
    "retry_backoff_max": 60,
}
"""A task is retried on errors that may pass, and when the database cannot be reached."""

_reconciler = Reconciler()


@shared_task(name=IMPORT_UPLOAD, **RETRIES)
def import_upload(upload_id: int) -> None:
    """Import one upload."""
    run_upload(upload_id=upload_id)


@shared_task(name=ENCODE_QUEUED, **RETRIES)
def encode_queued() -> None:
    """Encode what is queued, then ask for a compaction and for previews where they are due."""
    passes = run.encode_queued()
    for totals in passes:
        logger.info("encoded %s", totals)
    if passes and is_compaction_due():
        notify_worker(COMPACT)
    if passes and find_clips_without_preview().exists():
        notify_worker(MAKE_PREVIEWS)


@shared_task(name=MAKE_PREVIEWS, **RETRIES)
def make_previews() -> None:
    """Make the previews that clips lack."""
    if made := make_missing_previews():
        logger.info("made %d clip previews", made)


@shared_task(name=COMPACT, **RETRIES)
def compact() -> None:
    """Build a new generation when that is worthwhile."""
    if not is_compaction_due():
        return
    try:
        build_generation()
    except BuildInProgress as error:
        logger.info("no compaction: %s", error)


@shared_task(name=REPAIR_INDEX, **RETRIES)
def repair_index() -> None:
    """Build a new generation when the live one is damaged."""
    try:
        repair_generation()
    except BuildInProgress as error:
        logger.info("another build is running: %s", error)


@shared_task(name=TUNE)
def tune(tuning_id: int) -> None:
    """Run one tuning.

    No automatic retry: the failure is shown and a user starts it again.
    """
    # Imported here: training needs torch, which a worker that only imports rows should not load.
    from indexer.tuning.run import run_tuning

    fail_abandoned_tunings()
    try:
        run_tuning(tuning_id)
    except OmnishelfError as error:
        logger.warning("tuning %d: %s", tuning_id, error)


@shared_task(name=ROLL_BACK_TUNING, **RETRIES)
def roll_back_tuning() -> None:
    """Roll back the tunings for which a user has requested it."""
    from indexer.tuning.run import rollback_tuning

    requested = Tuning.objects.filter(state=TuningState.LIVE, rollback_requested=True)
    for tuning in requested:
        try:
            rollback_tuning(tuning.preset)
        except OmnishelfError as error:
            if not error.permanent:
                raise
            requested.filter(pk=tuning.pk).update(rollback_requested=False, error=str(error)[:1000])


@shared_task(name=RECONCILE, **RETRIES)
def reconcile() -> None:
    """Find lost work."""
    _reconciler.reconcile()


@worker_ready.connect
def _reconcile_at_start(**_: object) -> None:
    """Resume what a killed worker left, in this process: only its host knows that it is dead."""
    threading.Thread(target=reconcile.apply, name="reconcile at start", daemon=True).start()


@worker_shutting_down.connect
def _stop_encoding(**_: object) -> None:
    run.stopping.set()
