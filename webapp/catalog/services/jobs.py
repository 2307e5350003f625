"""Index jobs, as people deal with them."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from webapp.catalog.models import IndexJob, JobState
from webapp.celery import ENCODE_QUEUED, notify_worker


def retry_jobs(*, jobs: QuerySet[IndexJob]) -> int:
    """Queue jobs again that were set aside. Returns how many."""
    count = jobs.filter(state=JobState.FAILED).update(
        state=JobState.QUEUED,
        attempts=0,
        error="",
        error_code="",
        not_before=Now(),
        finished_at=None,
    )
    if count:
        transaction.on_commit(lambda: notify_worker(ENCODE_QUEUED))
    return count
