from __future__ import annotations

import pytest
from django.db import OperationalError
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from search.types import StageTimings
from tests.webapp.retrieval.stored_shop import make_shop
from webapp.catalog.models import IndexJob, Upload
from webapp.ops import metrics
from webapp.ops.metrics import observe_search

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_index")]


def scrape(client: Client) -> dict[tuple[str, ...], float]:
    text = client.get("/metrics").content.decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_jobs_uploads_and_index_are_counted(client: Client) -> None:
    make_shop(4)
    IndexJob.objects.create(space="s", modality="text", content_hash="a", state="failed")
    Upload.objects.create(file="x.csv", filename="x.csv", source="api", state="running")
    samples = scrape(client)
    assert samples["omnishelf_jobs", "failed"] == 1
    assert samples["omnishelf_jobs", "queued"] == 0
    assert samples["omnishelf_uploads", "running"] == 1
    assert samples["omnishelf_index_clock",] == samples["omnishelf_index_seq",] > 0
    assert samples["omnishelf_index_delta_products",] == 4
    assert samples["omnishelf_database_up",] == 1


def test_search_stages_are_recorded(client: Client) -> None:
    before = scrape(client).get(("omnishelf_search_stage_seconds_sum", "embed"), 0.0)
    observe_search(StageTimings({"embed": 30.0, "coarse": 2.0}))
    after = scrape(client)
    assert after["omnishelf_search_stage_seconds_sum", "embed"] == pytest.approx(before + 0.03)
    assert ("omnishelf_search_stage_seconds_count", "total") in after


def test_metrics_report_that_the_database_is_down(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> int:
        raise OperationalError

    monkeypatch.setattr(metrics, "get_index_sequence", fail)
    samples = scrape(client)
    assert samples["omnishelf_database_up",] == 0
    assert ("omnishelf_index_clock",) not in samples
