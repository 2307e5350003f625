"""The results of one evaluation folder: metrics, queries, latencies and sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from search.evaluation.results import (
    EvaluatedQuery,
    Facet,
    group_by_facet,
    is_label_set,
    pick_extremes,
    summarise,
)
from search.evaluation.significance import Estimate, estimate_mean

FACETS: tuple[Facet, ...] = ("language", "category")
MAX_LISTED = 5
"""Of the worst and of the best queries."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one stage over all queries."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Latency:
        """Compute the percentiles."""
        p50, p95, p99 = np.percentile(np.asarray(samples, float), [50, 95, 99]).tolist()
        return cls(p50, p95, p99)


@dataclass(frozen=True, slots=True)
class Group:
    """The queries of one language or category."""

    queries: int
    precision: Estimate


@dataclass(frozen=True, slots=True)
class Report:
    """The results of one folder. `precision` is mean average precision with its interval."""

    folder: str
    products: int
    views: int
    seconds_encoding: float
    answers: tuple[EvaluatedQuery, ...]
    metrics: dict[str, float]
    precision: Estimate
    latencies_ms: dict[str, Latency]

    @classmethod
    def of(
        cls,
        folder: str,
        answers: Sequence[EvaluatedQuery],
        stages: dict[str, list[float]],
        *,
        products: int,
        views: int,
        seconds: float,
    ) -> Report:
        """Compute the results. Raises InputError without a query."""
        return cls(
            folder=folder,
            products=products,
            views=views,
            seconds_encoding=seconds,
            answers=tuple(answers),
            metrics=summarise([answer.result for answer in answers]),
            precision=estimate_mean([answer.average_precision for answer in answers]),
            latencies_ms={stage: Latency.of(samples) for stage, samples in stages.items()},
        )

    @property
    def precisions(self) -> dict[str, float]:
        """Average precision by query id."""
        return {answer.query.id: answer.average_precision for answer in self.answers}

    def groups(self, facet: Facet) -> dict[str, Group]:
        """Return the queries by language or category."""
        return {
            name: Group(
                len(members), estimate_mean([answer.average_precision for answer in members])
            )
            for name, members in group_by_facet(self.answers, facet).items()
        }

    def as_dict(self) -> dict[str, Any]:
        """Return all results, for JSON; an unknown interval is None."""
        return {
            "products": self.products,
            "views": self.views,
            "queries": {answer.query.id: _query_to_dict(answer) for answer in self.answers},
            "seconds_encoding": self.seconds_encoding,
            "metrics": self.metrics,
            "interval": bounds(self.precision),
            "latencies_ms": {
                stage: asdict(latency) for stage, latency in self.latencies_ms.items()
            },
            **{
                f"by_{facet}": {
                    name: _group_to_dict(group) for name, group in self.groups(facet).items()
                }
                for facet in FACETS
            },
        }

    def print(self, console: Console) -> None:
        """Print all results."""
        console.print(
            f"[bold]{escape(self.folder)}[/] · {self.products} products, {self.views} views, "
            f"{len(self.answers)} queries · encoded in {self.seconds_encoding:.1f} s"
        )
        metrics = Table("metric", "value", "95 %")
        for name, value in self.metrics.items():
            shown = f"{value:.1f}" if name in {"MedR", "MeanR"} else f"{value:.3f}"
            metrics.add_row(name, shown, interval(self.precision) if name == "mAP" else "")
        console.print(metrics)
        for facet in FACETS:
            self._print_groups(console, facet)
        if is_label_set(self.answers):
            self._print_extremes(console)
        stages = Table("stage", "p50 ms", "p95 ms", "p99 ms")
        for stage, latency in self.latencies_ms.items():
            stages.add_row(stage, f"{latency.p50:.2f}", f"{latency.p95:.2f}", f"{latency.p99:.2f}")
        console.print(stages)

    def _print_groups(self, console: Console, facet: Facet) -> None:
        table = Table(facet, "queries", "mAP", "95 %")
        for name, group in self.groups(facet).items():
            table.add_row(
                escape(name),
                str(group.queries),
                f"{group.precision.value:.3f}",
                interval(group.precision),
            )
        if len(table.rows) > 1:
            console.print(table)

    def _print_extremes(self, console: Console) -> None:
        table = Table("worst", "AP", "best", "AP")
        for pair in zip(*pick_extremes(self.answers, MAX_LISTED), strict=True):
            table.add_row(
                *(
                    cell
                    for it in pair
                    for cell in (escape(it.query.label), f"{it.average_precision:.3f}")
                )
            )
        console.print(table)


def interval(estimate: Estimate) -> str:
    """Return '0.512 – 0.603', or a dash when it is unknown."""
    return "–" if math.isnan(estimate.low) else f"{estimate.low:.3f} – {estimate.high:.3f}"


def bounds(estimate: Estimate) -> list[float] | None:
    """Return [low, high], None when they are unknown."""
    return None if math.isnan(estimate.low) else [estimate.low, estimate.high]


def _group_to_dict(group: Group) -> dict[str, Any]:
    return {
        "queries": group.queries,
        "mAP": group.precision.value,
        "interval": bounds(group.precision),
    }


def _query_to_dict(answer: EvaluatedQuery) -> dict[str, Any]:
    query = answer.query
    return {
        "asked": query.label,
        "language": query.language,
        "category": query.category,
        "relevant": answer.result.relevant,
        "AP": answer.average_precision,
    }
