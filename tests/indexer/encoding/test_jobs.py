"""Claims are exclusive, bounded, oldest first, and keep dangerous jobs apart."""

from __future__ import annotations

import datetime
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from indexer.encoding.jobs import (
    ISOLATE_AFTER,
    claim_jobs,
    claim_poison_job,
    next_modality,
    release_claims,
    renew_claims,
)
from search.types import Modality
from webapp.catalog.models import IndexJob, JobState

pytestmark = pytest.mark.django_db(transaction=True)
SPACE = "c0105"


def queue(count: int, modality: Modality = Modality.TEXT, **fields: object) -> list[IndexJob]:
    start = IndexJob.objects.count()
    jobs = [
        IndexJob(space=SPACE, modality=modality, content_hash=f"{start + n:064d}", **fields)
        for n in range(count)
    ]
    return IndexJob.objects.bulk_create(jobs)


def claim(limit: int, modality: Modality = Modality.TEXT) -> list[int]:
    found = claim_jobs(space=SPACE, modality=modality, worker="here:1:1", limit=limit)
    return [job.id for job in found.jobs] if found else []


def test_the_oldest_are_claimed_up_to_the_limit() -> None:
    jobs = queue(5)
    assert claim(3) == [job.pk for job in jobs[:3]]
    assert claim(3) == [job.pk for job in jobs[3:]]
    assert claim(3) == []


def test_modalities_other_spaces_and_jobs_put_off_are_left_out() -> None:
    queue(1, Modality.PICTURE)
    queue(1, not_before=timezone.now() + datetime.timedelta(minutes=1))
    IndexJob.objects.create(space="other", modality="text", content_hash="f" * 64)
    assert next_modality(space=SPACE) == Modality.PICTURE
    assert claim(9) == []
    assert len(claim(9, Modality.PICTURE)) == 1
    assert next_modality(space=SPACE) is None


def test_no_job_is_claimed_twice_by_claimers_side_by_side() -> None:
    queue(120)

    def claim_all() -> list[int]:
        mine = []
        try:
            while got := claim(7):
                mine += got
        finally:
            connection.close()
        return mine

    with ThreadPoolExecutor(4) as pool:
        claimed = [
            id for future in [pool.submit(claim_all) for _ in range(4)] for id in future.result()
        ]
    assert sorted(claimed) == sorted(IndexJob.objects.values_list("pk", flat=True))


def test_poison_jobs_are_claimed_alone_with_the_fewest_attempts_first() -> None:
    worse = queue(1, attempts=ISOLATE_AFTER + 1)
    bad = queue(2, attempts=ISOLATE_AFTER)
    assert next_modality(space=SPACE) is None
    assert claim(9) == []
    order = [claim_poison_job(space=SPACE, worker="w") for _ in range(3)]
    assert [found.jobs[0].id for found in order if found] == [bad[0].pk, bad[1].pk, worse[0].pk]
    assert claim_poison_job(space=SPACE, worker="w") is None


def test_release_and_renewal_touch_only_what_is_still_ours() -> None:
    queue(2)
    mine = claim_jobs(space=SPACE, modality=Modality.TEXT, worker="me", limit=1)
    theirs = claim_jobs(space=SPACE, modality=Modality.TEXT, worker="they", limit=1)
    assert mine and theirs
    before = IndexJob.objects.get(claimed_by="me").lease_expires_at
    renew_claims([mine])
    after = IndexJob.objects.get(claimed_by="me").lease_expires_at
    assert before is not None and after is not None and after > before
    IndexJob.objects.filter(claimed_by="me").update(claim=theirs.token)
    assert release_claims([mine]) == 0
    assert release_claims([theirs]) == 1
    assert IndexJob.objects.get(state=JobState.QUEUED).claim is None
