"""The Celery tasks. A message only says that there is work; the database says which, so any
message may be lost, doubled or late. Settings make every task acknowledged late.
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
"""Errors whose `permanent` is False, and a database that is away."""

_sweeper = Reconciler()


@shared_task(name=IMPORT_UPLOAD, **RETRIES)
def import_upload(upload_id: int) -> None:
    run_upload(upload_id=upload_id)


@shared_task(name=ENCODE_QUEUED, **RETRIES)
def encode_queued() -> None:
    passes = run.encode_queued()
    for totals in passes:
        logger.info("encoded %s", totals)
    if passes and is_compaction_due():
        notify_worker(COMPACT)
    if passes and find_clips_without_preview().exists():
        notify_worker(MAKE_PREVIEWS)


@shared_task(name=MAKE_PREVIEWS, **RETRIES)
def make_previews() -> None:
    if made := make_missing_previews():
        logger.info("made %d clip previews", made)


@shared_task(name=COMPACT, **RETRIES)
def compact() -> None:
    if not is_compaction_due():
        return
    try:
        build_generation()
    except BuildInProgress as error:
        logger.info("no compaction: %s", error)


@shared_task(name=REPAIR_INDEX, **RETRIES)
def repair_index() -> None:
    try:
        repair_generation()
    except BuildInProgress as error:
        logger.info("a build is under way already: %s", error)


@shared_task(name=TUNE)
def tune(tuning_id: int) -> None:
    """Not tried again by itself: what was asked for and failed is shown, and asked for again by
    a person.
    """
    # Imported here: learning needs torch, and a worker that only imports rows should not hold it.
    from indexer.tuning.run import run_tuning

    fail_abandoned_tunings()
    try:
        run_tuning(tuning_id)
    except OmnishelfError as error:
        logger.warning("tuning %d: %s", tuning_id, error)


@shared_task(name=ROLL_BACK_TUNING, **RETRIES)
def roll_back_tuning() -> None:
    from indexer.tuning.run import rollback_tuning

    asked = Tuning.objects.filter(state=TuningState.LIVE, rollback_requested=True)
    for tuning in asked:
        try:
            rollback_tuning(tuning.preset)
        except OmnishelfError as error:
            if not error.permanent:
                raise
            asked.filter(pk=tuning.pk).update(rollback_requested=False, error=str(error)[:1000])


@shared_task(name=RECONCILE, **RETRIES)
def sweep() -> None:
    _sweeper.sweep()


@worker_ready.connect
def _sweep_at_start(**_: object) -> None:
    """What a killed worker left is taken up at once. Here, because only this host knows its dead
    processes.
    """
    threading.Thread(target=sweep.apply, name="sweep at start", daemon=True).start()


@worker_shutting_down.connect
def _stop_draining(**_: object) -> None:
    run.stopping.set()
