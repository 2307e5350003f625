"""Progress of uploads and of their encoding."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now

from webapp.catalog.models import Asset, IndexJob, JobState, Outcome, Upload, UploadRow, UploadState

JobCounts = dict[str, int]
"""Jobs by state: queued, claimed, done, failed."""


def count_jobs(*, space: str) -> JobCounts:
    """Count the jobs of a space by state."""
    return _count_by_state(IndexJob.objects.filter(space=space))


def count_upload_jobs(*, upload: Upload, space: str) -> JobCounts:
    """Count the jobs of a space for products that this upload changed, by state."""
    changed = UploadRow.objects.filter(
        upload=upload, outcome__in=[Outcome.CREATED, Outcome.UPDATED]
    )
    if upload.dry_run:
        changed = changed.none()
    contents = Asset.objects.filter(product__sku__in=changed.values("sku")).values("content_hash")
    return _count_by_state(IndexJob.objects.filter(space=space, content_hash__in=contents))


def get_claimable_uploads() -> QuerySet[Upload]:
    """Return uploads that wait, or whose importer's lease has expired."""
    return Upload.objects.filter(
        Q(state=UploadState.RECEIVED) | Q(state=UploadState.RUNNING, lease_expires_at__lt=Now())
    ).order_by("pk")


def get_problem_rows(*, upload: Upload) -> QuerySet[UploadRow]:
    """Return rows with an error or a warning, in file order."""
    return UploadRow.objects.filter(
        Q(outcome=Outcome.ERROR) | Q(warned=True), upload=upload
    ).order_by("number")


def _count_by_state(jobs: QuerySet[IndexJob]) -> JobCounts:
    counts = dict(jobs.order_by().values_list("state").annotate(count=Count("pk")))
    return {state: counts.get(state, 0) for state in JobState.values}
