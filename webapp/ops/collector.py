"""Metrics counted in the database and the index whenever Prometheus asks."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError, models
from django.db.models import Count
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from search.errors import OmnishelfError
from webapp.catalog.models import IndexJob, JobState, Upload, UploadState
from webapp.catalog.services.index_sequence import get_index_sequence
from webapp.retrieval.models_runtime import index_status


class CatalogueCollector(Collector):
    """Three queries and a look at this process's index reader. While the database is away, only
    that is told.
    """

    def describe(self) -> list[Metric]:
        """Registering must not touch the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        try:
            metrics = [
                _by_state("omnishelf_jobs", "Index jobs by state", IndexJob, JobState.values),
                _by_state("omnishelf_uploads", "Uploads by state", Upload, UploadState.values),
                _gauge(
                    "omnishelf_index_clock",
                    "Newest change number of the catalogue",
                    get_index_sequence(),
                ),
                *_index(),
            ]
        except DatabaseError:
            metrics = [_gauge("omnishelf_database_up", "Whether the database answers", 0)]
        else:
            metrics.append(_gauge("omnishelf_database_up", "Whether the database answers", 1))
        yield from metrics


def _index() -> Iterator[Metric]:
    try:
        status = index_status()
    except OmnishelfError:
        yield _gauge("omnishelf_index_up", "Whether the index can be searched without a fault", 0)
        return
    yield _gauge(
        "omnishelf_index_up",
        "Whether the index can be searched without a fault",
        status.fault is None,
    )
    yield _gauge(
        "omnishelf_index_seq", "Change number up to which this process searches", status.seq
    )
    yield _gauge("omnishelf_index_views", "Searchable views", status.views)
    yield _gauge(
        "omnishelf_index_delta_products",
        "Products changed since the generation",
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


def _by_state(name: str, help_text: str, model: type[models.Model], states: list[str]) -> Metric:
    counts = dict(
        model._default_manager.order_by().values_list("state").annotate(count=Count("pk"))
    )
    family = GaugeMetricFamily(name, help_text, labels=["state"])
    for state in states:
        family.add_metric([state], counts.get(state, 0))
    return family
