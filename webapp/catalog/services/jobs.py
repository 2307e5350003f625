"""Index jobs: contents that wait to be encoded."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from webapp.catalog.models import Asset, IndexJob, JobState
from webapp.catalog.selectors.spaces import list_encoding_spaces
from webapp.celery import ENCODE_QUEUED, notify_worker


def enqueue_jobs(assets: Iterable[Asset], *, space: str) -> int:
    """Create a job for each content that has none in `space` or in a pending space.

    Returns the number of distinct contents.
    """
    contents = sorted({(asset.kind, asset.content_hash) for asset in assets})
    spaces = sorted({space, *list_encoding_spaces()}) if contents else []
    jobs = [
        IndexJob(space=each, modality=kind, content_hash=digest)
        for each in spaces
        for kind, digest in contents
    ]
    IndexJob.objects.bulk_create(jobs, ignore_conflicts=True, batch_size=500)
    return len(contents)


def retry_jobs(*, jobs: QuerySet[IndexJob]) -> int:
    """Queue failed jobs again. Returns their number."""
    count = jobs.filter(state=JobState.FAILED).update(
        state=JobState.QUEUED,
        attempts=0,
        error="",
        error_code="",
        not_before=Now(),
        finished_at=None,
    )
    if count:
        transaction.on_commit(notify_encoder)
    return count


def notify_encoder() -> None:
    """Ask an encoding worker to look at the queue."""
    notify_worker(ENCODE_QUEUED)
