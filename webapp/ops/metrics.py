"""Metrics observed while working. What is counted at scrape time stands in webapp.ops.collector."""

from __future__ import annotations

from prometheus_client import Histogram

from search.types import StageTimings

SEARCH_STAGE = Histogram(
    "omnishelf_search_stage_seconds",
    "Seconds a search spent in a stage; the stage 'total' is the sum",
    ["stage"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


def observe_search(timings: StageTimings) -> None:
    """Record one answer's stage timings."""
    for stage, milliseconds in timings.stages.items():
        SEARCH_STAGE.labels(stage).observe(milliseconds / 1000)
    SEARCH_STAGE.labels("total").observe(timings.total_ms / 1000)
