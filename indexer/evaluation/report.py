"""What an evaluation found: metrics, latencies per stage, and how much was loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one stage over all queries."""

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Latency:
        p50, p95, p99 = np.percentile(np.asarray(samples, float), [50, 95, 99]).tolist()
        return cls(p50, p95, p99)


@dataclass(frozen=True, slots=True)
class Report:
    folder: str
    preset: str
    products: int
    views: int
    queries: int
    seconds_encoding: float
    metrics: dict[str, float]
    latencies_ms: dict[str, Latency]

    def as_dict(self) -> dict[str, Any]:
        latencies = {
            stage: {"p50": latency.p50, "p95": latency.p95, "p99": latency.p99}
            for stage, latency in self.latencies_ms.items()
        }
        return {
            "folder": self.folder,
            "preset": self.preset,
            "products": self.products,
            "views": self.views,
            "queries": self.queries,
            "seconds_encoding": self.seconds_encoding,
            "metrics": self.metrics,
            "latencies_ms": latencies,
        }

    def print(self, console: Console) -> None:
        console.print(
            f"[bold]{self.folder}[/] · encoder {self.preset} · {self.products} products, {self.views} views, "
            f"{self.queries} queries · encoded in {self.seconds_encoding:.1f} s"
        )
        table = Table("metric", "value")
        for name, value in self.metrics.items():
            table.add_row(name, f"{value:.1f}" if name in {"MedR", "MeanR"} else f"{value:.3f}")
        console.print(table)
        stages = Table("stage", "p50 ms", "p95 ms", "p99 ms")
        for stage, latency in self.latencies_ms.items():
            stages.add_row(stage, f"{latency.p50:.2f}", f"{latency.p95:.2f}", f"{latency.p99:.2f}")
        console.print(stages)
