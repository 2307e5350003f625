"""Who runs a tuning: taken by a conditional UPDATE, given up when its process is gone."""

from __future__ import annotations

from django.utils import timezone

from indexer.progress import LEASE
from webapp.catalog.models import Tuning, TuningState
from webapp.celery import ROLL_BACK_TUNING, TUNE, notify_worker

INTERRUPTED = "interrupted: the process that ran it has ended; nothing was changed, tune again"


def claim_tuning(tuning_id: int) -> Tuning | None:
    """Make a queued tuning this process's. None when it is not queued any more."""
    queued = Tuning.objects.filter(pk=tuning_id, state=TuningState.QUEUED)
    claimed = queued.claim(LEASE, state=TuningState.RUNNING)
    return Tuning.objects.get(pk=tuning_id) if claimed else None


def fail_abandoned_tunings() -> int:
    """Call failed what runs in a process that is gone. Returns how many. What readers look at
    was not touched.
    """
    abandoned = Tuning.objects.filter(state=TuningState.RUNNING).abandoned()
    return abandoned.release(
        state=TuningState.FAILED, error=INTERRUPTED, finished_at=timezone.now()
    )


def notify_pending_tunings() -> None:
    """Ask workers for what was asked for and whose message was lost."""
    for tuning_id in Tuning.objects.filter(state=TuningState.QUEUED).values_list("pk", flat=True):
        notify_worker(TUNE, tuning_id)
    if Tuning.objects.filter(state=TuningState.LIVE, rollback_requested=True).exists():
        notify_worker(ROLL_BACK_TUNING)
