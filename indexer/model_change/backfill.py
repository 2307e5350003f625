"""A space is made complete: every content encoded into it, by this process and by whatever
workers there are.
"""

from __future__ import annotations

import time

from indexer.encoding.run import encode_space
from indexer.encoding.totals import EncodeTotals
from indexer.progress import Progress
from indexer.reconcile import enqueue_missing_jobs, requeue_abandoned_jobs
from webapp.catalog.models import IndexJob, JobState, ModelChange
from webapp.celery import ENCODE_QUEUED, notify_worker
from webapp.retrieval.models_runtime import ActiveModel

POLL_INTERVAL_S = 0.2
"""Between two looks at what other workers still hold, or what waits to be tried again."""


def backfill_space(
    made: ActiveModel, progress: Progress[ModelChange], stage: str, *, alone: bool = False
) -> None:
    """Encode whatever the space lacks. Returns when every content is encoded or set aside.

    `alone`: do not look after the space in use meanwhile. Memory holds a few batches. Killed at
    any point, what was stored stays. Raises what EncodeWorker.run and load_encoder raise.
    """
    space = made.space.fingerprint
    enqueue_missing_jobs(space=space)
    progress.begin(stage, _outstanding(space))
    notify_worker(ENCODE_QUEUED)

    def show(totals: EncodeTotals | None = None) -> None:
        if totals is None or progress.due:
            left = _outstanding(space)
            progress.row.total = max(progress.row.total, left)
            progress.row.done = progress.row.total - left
            progress.write()

    while _outstanding(space):
        encode_space(made, show, alone=alone)
        requeue_abandoned_jobs()
        show()
        if _outstanding(space):
            time.sleep(POLL_INTERVAL_S)
    show()


def _outstanding(space: str) -> int:
    return IndexJob.objects.filter(
        space=space, state__in=[JobState.QUEUED, JobState.CLAIMED]
    ).count()
