"""Claims on jobs: taken by a conditional UPDATE, kept by a lease, given back when work stops."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from search.types import Modality
from webapp.catalog.models import IndexJob, JobState
from webapp.config import web_settings
from webapp.leases.leased import LeasedQuerySet

ISOLATE_AFTER = 3
"""Attempts after which a job is encoded alone, when nothing else is left: it may be what kills
the worker."""


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job."""

    id: int
    content_hash: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Jobs of one modality that this process alone may finish, as long as they carry `token`."""

    token: uuid.UUID
    modality: Modality
    jobs: tuple[Job, ...]

    def rows(self, jobs: Collection[Job] | None = None) -> LeasedQuerySet[IndexJob]:
        """The rows of these jobs (all by default) that are still ours."""
        ids = [job.id for job in (self.jobs if jobs is None else jobs)]
        return IndexJob.objects.filter(id__in=ids).held(self.token)


def next_modality(*, space: str) -> Modality | None:
    """Modality of the oldest job that may be claimed; None when there is none. Takes no lock."""
    oldest = IndexJob.objects.claimable(space).filter(attempts__lt=ISOLATE_AFTER).order_by("id")
    found = oldest.values_list("modality", flat=True).first()
    return Modality(found) if found else None


def claim_jobs(*, space: str, modality: Modality, worker: str, limit: int) -> Claim | None:
    """Claim up to `limit` of the oldest queued jobs of this modality, suspects left out. None
    when there is none.
    """
    queued = IndexJob.objects.claimable(space).filter(modality=modality, attempts__lt=ISOLATE_AFTER)
    return _claim(queued.order_by("id"), modality, worker, limit)


def claim_poison_job(*, space: str, worker: str) -> Claim | None:
    """Claim one job: of those that failed often or saw their worker die, the one that was tried
    least.
    """
    queued = (
        IndexJob.objects.claimable(space)
        .filter(attempts__gte=ISOLATE_AFTER)
        .order_by("attempts", "id")
    )
    found = queued.values_list("modality", flat=True).first()
    return _claim(queued.filter(modality=found), Modality(found), worker, 1) if found else None


def _claim(queued: QuerySet[IndexJob], modality: Modality, worker: str, limit: int) -> Claim | None:
    """Where the database locks rows, other claimers skip ours; SQLite has one writer at a time
    anyway.
    """
    with transaction.atomic():
        rows = queued.select_for_update(skip_locked=True).values_list(
            "id", "content_hash", "attempts"
        )[:limit]
        jobs = tuple(Job(*row) for row in rows)
        free = IndexJob.objects.filter(id__in=[job.id for job in jobs], state=JobState.QUEUED)
        token = free.claim(_lease(), owner=worker, state=JobState.CLAIMED)
    return Claim(token, modality, jobs) if token else None


def _lease() -> datetime.timedelta:
    return datetime.timedelta(seconds=web_settings().job_lease_s)


def renew_claims(claims: Collection[Claim]) -> None:
    """Push the leases of everything in flight ahead."""
    _rows(claims).renew(_lease())


def release_claims(claims: Collection[Claim]) -> int:
    """Back to the queue, unblamed, whatever of these claims is still ours. Returns how many
    jobs.
    """
    return _rows(claims).release(state=JobState.QUEUED)


def defer_jobs(
    rows: LeasedQuerySet[IndexJob], *, error_code: str, error: str, seconds: float
) -> int:
    """Back to the queue for later, the attempt counted: what went wrong may pass. Returns how
    many jobs.
    """
    later = timezone.now() + datetime.timedelta(seconds=seconds)
    return rows.release(
        state=JobState.QUEUED,
        attempts=F("attempts") + 1,
        not_before=later,
        error_code=error_code,
        error=error[:500],
    )


def _rows(claims: Collection[Claim]) -> LeasedQuerySet[IndexJob]:
    ours = Q(pk__in=[])
    for claim in claims:
        ours |= Q(id__in=[job.id for job in claim.jobs], claim=claim.token)
    return IndexJob.objects.filter(ours)
