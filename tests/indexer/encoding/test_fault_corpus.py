"""Every file of the corpus of hostile clips goes through a drain and has its outcome, and
nothing else suffers."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.encoding.jobs import enqueue_missing_jobs
from indexer.encoding.worker import EncodeWorker
from search.types import Modality
from tests.support.audio_encoder import ToneEncoder
from tests.support.catalogue import add_product
from tests.support.clips import Outcome, corpus
from webapp.catalog.models import Asset, Embedding, IndexJob, JobState

pytestmark = pytest.mark.django_db(transaction=True)

PAST_INSPECTION = {
    "sound-alone.mp4": Outcome.PARTIAL,
    "film.wav": Outcome.WHOLE,
    "no-samples.wav": Outcome.WHOLE,
    "many-channels.wav": Outcome.UNSUPPORTED,
}
"""An upload refuses these, some by their column. Where they come in all the same, what can be
heard of them is."""


def outcome_of(job: IndexJob, asset: Asset) -> str:
    if job.state == JobState.FAILED:
        assert asset.error == job.error
        return job.error_code
    assert job.state == JobState.DONE
    return Outcome.PARTIAL if asset.error else Outcome.WHOLE


@pytest.mark.slow
def test_every_file_has_its_outcome_and_the_worker_survives(tmp_path: Path) -> None:
    encoder = ToneEncoder()
    space = encoder.space.fingerprint
    cases = {case.name: case for case in corpus(tmp_path)}
    for case in cases.values():
        column = "sounds" if case.kind is Modality.AUDIO else "videos"
        add_product(
            case.name,
            title=f"a product with {case.name}",
            **{column: [case.path.read_bytes()]},
            space=space,
        )
    totals = EncodeWorker(encoder, "here:1:1").run()

    jobs = {
        (job.modality, job.content_hash): job
        for job in IndexJob.objects.exclude(modality=Modality.TEXT)
    }
    clips = Asset.objects.exclude(kind=Modality.TEXT).select_related("product")
    found = {
        clip.product.sku: outcome_of(jobs[clip.kind, clip.content_hash], clip) for clip in clips
    }
    assert found == {name: PAST_INSPECTION.get(name, case.outcome) for name, case in cases.items()}
    assert totals.failed == IndexJob.objects.filter(state=JobState.FAILED).count()
    titled = Asset.objects.filter(kind=Modality.TEXT).values("content_hash")
    assert Embedding.objects.filter(content_hash__in=titled, modality=Modality.TEXT).count() == len(
        cases
    )
    assert not IndexJob.objects.filter(state__in=[JobState.QUEUED, JobState.CLAIMED]).exists()
    assert enqueue_missing_jobs(space=space) == 0
