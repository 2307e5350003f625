from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.webapp.api.conftest import Caller
from tests.webapp.api.openapi import assert_conforms
from tests.webapp.retrieval.stored_shop import make_shop
from webapp.catalog.models import IndexJob, JobState
from webapp.retrieval.models_runtime import active_space

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_index")]

JOBS = "/api/v1/jobs"


def make_job(state: JobState, number: int = 0) -> IndexJob:
    return IndexJob.objects.create(
        space=active_space().fingerprint,
        modality="text",
        content_hash=f"{state}{number}",
        state=state,
        attempts=3,
        error="it broke" if state == JobState.FAILED else "",
    )


def test_jobs_are_listed_by_state(
    caller: Caller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(3):
        make_job(JobState.FAILED, number)
        make_job(JobState.DONE, number)
    client = caller()
    with django_assert_num_queries(3):
        first = assert_conforms(client.get(JOBS, {"state": "failed", "limit": "2"}), "jobs_list")
    following = {"state": "failed", "limit": "2", "cursor": first["next_cursor"]}
    second = client.get(JOBS, following).json()
    assert [job["content_hash"] for page in (first, second) for job in page["items"]] == [
        "failed0",
        "failed1",
        "failed2",
    ]
    assert client.get(JOBS, {"state": "lost"}).status_code == 400


def test_only_a_failed_job_can_be_retried(caller: Caller) -> None:
    failed, done = make_job(JobState.FAILED), make_job(JobState.DONE)
    client = caller()
    retried = assert_conforms(client.post(f"{JOBS}/{failed.pk}/retry"), "jobs_retry")
    assert (retried["state"], retried["attempts"], retried["error"]) == ("queued", 0, "")
    assert assert_conforms(client.get(f"{JOBS}/{failed.pk}"), "jobs_read") == retried
    assert client.post(f"{JOBS}/{done.pk}/retry").status_code == 409
    assert client.post(f"{JOBS}/999999/retry").status_code == 404


def test_the_state_of_the_index(caller: Caller) -> None:
    make_shop(4)
    make_job(JobState.QUEUED)
    status = assert_conforms(caller().get("/api/v1/index"), "index_status")
    assert status["space"] == active_space().fingerprint
    assert status["generation"] is None
    assert (status["views"], status["delta_products"]) == (4, 4)
    assert status["queue"] == {"queued": 1, "claimed": 0, "done": 0, "failed": 0}
