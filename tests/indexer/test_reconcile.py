"""The reconciler finds lost work and leaves the work of living processes alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from indexer.encoding.jobs import (
    MAX_LOST_WORKERS,
    enqueue_missing_jobs,
    requeue_abandoned_jobs,
)
from indexer.reconcile import (
    TEMPORARY_FILE_MAX_AGE_S,
    Reconciler,
    prune_temporary_files,
    resume_uploads,
)
from search.types import Modality
from tests.support.catalogue import add_product, picture_bytes
from webapp.catalog.models import ClipPreview, Embedding, IndexJob, JobState, Upload, UploadState
from webapp.catalog.models.upload import UploadSource
from webapp.celery import app
from webapp.clicklog.models import ClickCount
from webapp.leases.process_id import host_name, this_process
from webapp.retrieval.models_runtime import active_space

pytestmark = pytest.mark.django_db(transaction=True)


def space() -> str:
    return active_space().fingerprint


def dead_process() -> str:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    return f"{host_name()}:{child.pid}:1"


def claimed(owner: str, *, lease_s: float = 60, attempts: int = 0) -> IndexJob:
    return IndexJob.objects.create(
        space=space(),
        modality=Modality.TEXT,
        content_hash=uuid.uuid4().hex * 2,
        state=JobState.CLAIMED,
        claim=uuid.uuid4(),
        claimed_by=owner,
        lease_expires_at=timezone.now() + timedelta(seconds=lease_s),
        attempts=attempts,
    )


def upload(state: UploadState, **fields: object) -> Upload:
    return Upload.objects.create(
        file="x.csv", filename="x.csv", state=state, **{"source": UploadSource.API, **fields}
    )


def messages(queue: str) -> int:
    with app.connection_for_read() as connection:
        channel = cast("Any", connection.default_channel)
        return int(channel._size(queue))


@pytest.fixture(autouse=True)
def empty_queues() -> None:
    for file in django_settings.BROKER_DIR.glob("*.msg"):
        file.unlink()


def test_claims_of_dead_workers_and_ended_leases_are_released() -> None:
    alive = claimed(this_process())
    elsewhere = claimed("elsewhere:1:1")
    lost = [
        claimed(dead_process()),
        claimed("elsewhere:1:1", lease_s=-1),
        claimed(this_process(), lease_s=-1),
    ]
    assert requeue_abandoned_jobs() == (3, 0)
    assert set(IndexJob.objects.filter(state=JobState.QUEUED, attempts=1, claim=None)) == set(lost)
    assert set(IndexJob.objects.filter(state=JobState.CLAIMED)) == {alive, elsewhere}


def test_a_job_that_lost_too_many_workers_fails() -> None:
    job = claimed(dead_process(), attempts=MAX_LOST_WORKERS - 1)
    assert requeue_abandoned_jobs() == (0, 1)
    job.refresh_from_db()
    assert (job.state, job.error_code, job.attempts) == (
        JobState.FAILED,
        "worker_lost",
        MAX_LOST_WORKERS,
    )


def test_contents_without_job_or_embedding_are_enqueued() -> None:
    for n in range(5):
        add_product(f"p{n}", title=f"thing {n}", pictures=[picture_bytes(n)], space="another")
    known = IndexJob.objects.filter(modality=Modality.TEXT).values_list("content_hash", flat=True)[
        :2
    ]
    Embedding.objects.create(space=space(), modality="text", content_hash=known[0], vector=b"")
    IndexJob.objects.create(
        space=space(), modality="text", content_hash=known[1], state=JobState.FAILED
    )
    assert enqueue_missing_jobs(space=space()) == 8
    assert IndexJob.objects.filter(space=space(), state=JobState.QUEUED).count() == 8
    assert enqueue_missing_jobs(space=space()) == 0


def test_more_contents_than_one_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.encoding.jobs.ENQUEUE_BATCH_SIZE", 3)
    for n in range(8):
        add_product(f"p{n}", title=f"thing {n}", space="another")
    assert enqueue_missing_jobs(space=space()) == 8


def test_a_job_called_done_without_its_embedding_is_queued_again() -> None:
    kept = IndexJob.objects.create(
        space=space(), modality="text", content_hash="a" * 64, state=JobState.DONE
    )
    lost = IndexJob.objects.create(
        space=space(), modality="text", content_hash="b" * 64, state=JobState.DONE
    )
    Embedding.objects.create(
        space=space(), modality="text", content_hash=kept.content_hash, vector=b""
    )
    assert enqueue_missing_jobs(space=space()) == 1
    assert IndexJob.objects.get(state=JobState.QUEUED) == lost


def test_reconciling_wakes_the_encoder_and_searches_again_only_after_a_change() -> None:
    add_product("p", title="a thing", space="another")
    reconciler = Reconciler()
    assert reconciler.reconcile().enqueued_jobs == 1
    assert messages("encode") == 1
    IndexJob.objects.filter(space=space()).delete()
    assert reconciler.reconcile().enqueued_jobs == 0, "the clock stands still"
    add_product("q", title="another thing", space="another")
    assert reconciler.reconcile().enqueued_jobs == 2


def test_reconciling_finds_clips_without_a_preview_and_the_claim_of_a_dead_worker() -> None:
    digest = (
        add_product("p", title="", sounds=[b"a sound"], space=space()).assets.get().content_hash
    )
    reconciler = Reconciler()
    reconciler.reconcile()
    assert messages("encode") == 2, "one to encode it, one to draw it"
    claim = ClipPreview.objects.create(content_hash=digest, claimed_by=this_process())
    reconciler.reconcile()
    assert messages("encode") == 3, "it is being drawn, and still to be encoded"
    ClipPreview.objects.filter(pk=claim.pk).update(claimed_by=dead_process())
    reconciler.reconcile()
    assert messages("encode") == 5 and not ClipPreview.objects.exists()


def test_uploads_of_dead_importers_are_freed_and_woken() -> None:
    fields = {"claim": uuid.uuid4(), "lease_expires_at": timezone.now() + timedelta(minutes=1)}
    dead = upload(UploadState.RUNNING, claimed_by=dead_process(), **fields)
    alive = upload(UploadState.RUNNING, claimed_by=this_process(), **fields)
    upload(UploadState.DONE)
    upload(UploadState.RECEIVED)
    upload(UploadState.RECEIVED, source=UploadSource.TERMINAL)
    assert resume_uploads() == 2, "one freed, one received; the terminal runs its own"
    assert messages("import") == 2
    dead.refresh_from_db()
    alive.refresh_from_db()
    assert (dead.state, dead.claim) == (UploadState.RECEIVED, None)
    assert alive.state == UploadState.RUNNING


def test_temporary_files_that_nobody_can_want_are_removed(settings: Any, tmp_path: Path) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    for name in ("old", "new"):
        (tmp_path / name).touch()
    long_ago = time.time() - TEMPORARY_FILE_MAX_AGE_S - 1
    os.utime(tmp_path / "old", (long_ago, long_ago))
    assert prune_temporary_files() == 1
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_clicks_older_than_the_setting_are_forgotten(settings: Any) -> None:
    settings.CLICK_LOG_DAYS = 7
    product = add_product("p", title="a thing", space="another")
    for days in (7, 8):
        day = timezone.now().date() - timedelta(days=days)
        ClickCount.objects.create(query="mug", product=product, day=day, count=1)
    Reconciler().reconcile()
    assert ClickCount.objects.count() == 1
