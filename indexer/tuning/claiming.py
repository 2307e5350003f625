"""Which process runs a tuning, and what happens when that process is gone."""

from __future__ import annotations

import datetime

from django.utils import timezone

from webapp.catalog.models import Tuning, TuningState
from webapp.celery import ROLL_BACK_TUNING, TUNE, notify_worker

LEASE = datetime.timedelta(minutes=30)
"""A dead process of this host is noticed at once; of another host only silence tells."""

INTERRUPTED = "interrupted: the process that ran it has ended; nothing was changed, tune again"


def claim_tuning(tuning_id: int) -> Tuning | None:
    """Claim a queued tuning. Return None when it is not queued any more."""
    queued = Tuning.objects.filter(pk=tuning_id, state=TuningState.QUEUED)
    claimed = queued.claim(LEASE, state=TuningState.RUNNING)
    return Tuning.objects.get(pk=tuning_id) if claimed else None


def fail_abandoned_tunings() -> int:
    """End the tunings of dead or silent processes as failed. Return how many.

    Such a tuning has changed nothing that readers look at.
    """
    abandoned = Tuning.objects.filter(state=TuningState.RUNNING).abandoned()
    return abandoned.release(
        state=TuningState.FAILED, error=INTERRUPTED, finished_at=timezone.now()
    )


def notify_pending_tunings() -> None:
    """Wake workers for tunings and rollbacks that wait, because a message may have been lost."""
    for tuning_id in Tuning.objects.filter(state=TuningState.QUEUED).values_list("pk", flat=True):
        notify_worker(TUNE, tuning_id)
    if Tuning.objects.filter(state=TuningState.LIVE, rollback_requested=True).exists():
        notify_worker(ROLL_BACK_TUNING)
