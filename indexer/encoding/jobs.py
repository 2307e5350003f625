"""Index jobs: found missing, claimed in batches, kept by a lease, released when work stops."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from search.types import Modality
from webapp.catalog.models import Asset, AssetKind, Embedding, IndexJob, JobState
from webapp.config import web_settings
from webapp.leases.leased import LeasedQuerySet

ISOLATE_AFTER = 3
"""After so many attempts a job is encoded alone, when no other is left: it may kill the worker."""

MAX_LOST_WORKERS = 8
"""A job fails when so many workers were lost while they held it."""

ENQUEUE_BATCH_SIZE = 1_000


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed job."""

    id: int
    content_hash: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Jobs of one modality that only this process may finish, as long as they carry `token`."""

    token: uuid.UUID
    modality: Modality
    jobs: tuple[Job, ...]

    def rows(self, jobs: Collection[Job] | None = None) -> LeasedQuerySet[IndexJob]:
        """Return the rows of these jobs, by default all, that the claim still holds."""
        ids = [job.id for job in (self.jobs if jobs is None else jobs)]
        return IndexJob.objects.filter(id__in=ids).held(self.token)


def next_modality(*, space: str) -> Modality | None:
    """Return the modality of the oldest claimable job, None without one. Takes no lock."""
    oldest = IndexJob.objects.claimable(space).filter(attempts__lt=ISOLATE_AFTER).order_by("id")
    modality = oldest.values_list("modality", flat=True).first()
    return Modality(modality) if modality else None


def claim_jobs(*, space: str, modality: Modality, worker: str, limit: int) -> Claim | None:
    """Claim up to `limit` of the oldest queued jobs of a modality, without poison jobs.

    Returns None when there is none.
    """
    queued = IndexJob.objects.claimable(space).filter(modality=modality, attempts__lt=ISOLATE_AFTER)
    return _claim(queued.order_by("id"), modality, worker, limit)


def claim_poison_job(*, space: str, worker: str) -> Claim | None:
    """Claim one job that failed often or lost its workers: the one with the fewest attempts."""
    queued = (
        IndexJob.objects.claimable(space)
        .filter(attempts__gte=ISOLATE_AFTER)
        .order_by("attempts", "id")
    )
    modality = queued.values_list("modality", flat=True).first()
    if not modality:
        return None
    return _claim(queued.filter(modality=modality), Modality(modality), worker, 1)


def _claim(queued: QuerySet[IndexJob], modality: Modality, worker: str, limit: int) -> Claim | None:
    """Claim rows of the query.

    Where the database locks rows, other claimers skip these; SQLite has one writer at a time.
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
    """Extend the leases of these claims."""
    _held_jobs(claims).renew(_lease())


def release_claims(claims: Collection[Claim]) -> int:
    """Queue again what these claims still hold, without counting an attempt.

    Returns the number of jobs.
    """
    return _held_jobs(claims).release(state=JobState.QUEUED)


def _held_jobs(claims: Collection[Claim]) -> LeasedQuerySet[IndexJob]:
    held = Q(pk__in=[])
    for claim in claims:
        held |= Q(id__in=[job.id for job in claim.jobs], claim=claim.token)
    return IndexJob.objects.filter(held)


def defer_jobs(
    rows: LeasedQuerySet[IndexJob], *, error_code: str, error: str, seconds: float
) -> int:
    """Queue jobs again for later, after an error that may pass, and count the attempt.

    Returns the number of jobs.
    """
    later = timezone.now() + datetime.timedelta(seconds=seconds)
    return rows.release(
        state=JobState.QUEUED,
        attempts=F("attempts") + 1,
        not_before=later,
        error_code=error_code,
        error=error[:500],
    )


def requeue_abandoned_jobs() -> tuple[int, int]:
    """Queue the jobs of dead workers again; those that lost MAX_LOST_WORKERS fail.

    Returns the number of queued and of failed jobs.
    """
    abandoned = IndexJob.objects.filter(state=JobState.CLAIMED).abandoned()
    failed = abandoned.filter(attempts__gte=MAX_LOST_WORKERS - 1).release(
        state=JobState.FAILED,
        attempts=F("attempts") + 1,
        finished_at=timezone.now(),
        error_code="worker_lost",
        error=f"{MAX_LOST_WORKERS} workers were lost while they encoded this",
    )
    return abandoned.release(state=JobState.QUEUED, attempts=F("attempts") + 1), failed


def enqueue_missing_jobs(*, space: str) -> int:
    """Enqueue contents without embedding and job, and finished jobs whose embedding is gone.

    Returns the number of jobs.
    """
    count = 0
    for kind in AssetKind:
        for hashes in _find_missing(space, kind):
            jobs = [IndexJob(space=space, modality=kind, content_hash=digest) for digest in hashes]
            IndexJob.objects.bulk_create(jobs, ignore_conflicts=True)
            count += len(jobs)
    stored = Embedding.objects.filter(
        space=OuterRef("space"),
        modality=OuterRef("modality"),
        content_hash=OuterRef("content_hash"),
    )
    lost = IndexJob.objects.filter(~Exists(stored), space=space, state=JobState.DONE)
    return count + lost.update(state=JobState.QUEUED, finished_at=None)


def _find_missing(space: str, kind: AssetKind) -> Iterator[list[str]]:
    """Yield content hashes without embedding and job, in ascending batches."""
    same = {"space": space, "modality": kind, "content_hash": OuterRef("content_hash")}
    missing = Asset.objects.filter(
        ~Exists(IndexJob.objects.filter(**same)),
        ~Exists(Embedding.objects.filter(**same)),
        kind=kind,
    )
    hashes = missing.order_by("content_hash").values_list("content_hash", flat=True).distinct()
    last = ""
    while batch := list(hashes.filter(content_hash__gt=last)[:ENQUEUE_BATCH_SIZE]):
        yield batch
        last = batch[-1]
