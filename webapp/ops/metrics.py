"""Metrics for Prometheus: search timings, and counts that are read when it scrapes."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError, models
from django.db.models import Count
from prometheus_client import Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from search.errors import OmnishelfError
from search.types import StageTimings
from webapp.catalog.models import IndexJob, JobState, Upload, UploadState
from webapp.catalog.selectors.embeddings import get_index_sequence
from webapp.retrieval.models_runtime import index_status

SEARCH_STAGE = Histogram(
    "omnishelf_search_stage_seconds",
    "Seconds of a search by stage; the stage 'total' is the sum",
    ["stage"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


def observe_search(timings: StageTimings) -> None:
    """Record the stage timings of a search."""
    for stage, milliseconds in timings.stages.items():
        SEARCH_STAGE.labels(stage).observe(milliseconds / 1000)
    SEARCH_STAGE.labels("total").observe(timings.total_ms / 1000)


class CatalogueCollector(Collector):
    """Counts of the database and the state of this process's index, in three queries.

    While the database does not answer, the only metric says so.
    """

    def describe(self) -> list[Metric]:
        """Return no metrics, so that registering makes no query."""
        return []

    def collect(self) -> Iterator[Metric]:
        try:
            metrics = [
                _count_by_state("omnishelf_jobs", "Index jobs by state", IndexJob, JobState.values),
                _count_by_state(
                    "omnishelf_uploads", "Uploads by state", Upload, UploadState.values
                ),
                _gauge(
                    "omnishelf_index_clock",
                    "Number of the newest change of the catalogue",
                    get_index_sequence(),
                ),
                *_index_metrics(),
            ]
        except DatabaseError:
            metrics = [_gauge("omnishelf_database_up", "Whether the database answers", 0)]
        else:
            metrics.append(_gauge("omnishelf_database_up", "Whether the database answers", 1))
        yield from metrics


def _index_metrics() -> Iterator[Metric]:
    index_up = "omnishelf_index_up", "Whether the index is open without a fault"
    try:
        status = index_status()
    except OmnishelfError:
        yield _gauge(*index_up, 0)
        return
    yield _gauge(*index_up, status.fault is None)
    yield _gauge(
        "omnishelf_index_seq", "Number of the newest change that this process finds", status.seq
    )
    yield _gauge("omnishelf_index_views", "Searchable views", status.views)
    yield _gauge(
        "omnishelf_index_delta_products",
        "Products changed since the generation was built",
        status.delta_products,
    )
    yield _gauge(
        "omnishelf_index_delta_views",
        "Searchable views newer than the generation",
        status.delta_views,
    )
    if status.generation is not None:
        yield _gauge(
            "omnishelf_index_generation", "Number of the generation in use", status.generation
        )
    if status.age_s is not None:
        yield _gauge(
            "omnishelf_index_generation_age_seconds", "Age of the generation in use", status.age_s
        )


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=float(value))


def _count_by_state(
    name: str, help_text: str, model: type[models.Model], states: list[str]
) -> Metric:
    rows = model._default_manager.order_by().values_list("state")
    counts = dict(rows.annotate(count=Count("pk")))
    family = GaugeMetricFamily(name, help_text, labels=["state"])
    for state in states:
        family.add_metric([state], counts.get(state, 0))
    return family
