"""`manage.py bench_encode`: speed and accuracy of the bundled encoder against plain torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management import CommandParser
from rich.console import Console
from rich.table import Table

from tools.bench.command import BenchCommand
from tools.bench.encoding import Effort, EncodingReport, measure_encoding
from tools.bench.pictures import EAGER


class Command(BenchCommand[EncodingReport]):
    help = "Measure speed, latency and accuracy loss of the bundled encoder against plain torch."

    def add_arguments(self, parser: CommandParser) -> None:
        default = Effort()
        parser.add_argument(
            "--data",
            type=Path,
            help="folder with eval/clothing and eval/grocery-fine; default: drawings",
        )
        parser.add_argument(
            "--repetitions", type=int, default=default.repetitions, help="of each measurement"
        )
        parser.add_argument(
            "--products", type=int, default=default.products, help="number to draw without --data"
        )
        parser.add_argument(
            "--size", type=int, default=default.size, help="width of the drawings in pixels"
        )
        super().add_arguments(parser)

    def measure(self, options: dict[str, Any]) -> EncodingReport:
        effort = Effort(options["repetitions"], options["products"], options["size"])
        return measure_encoding(options["data"], effort)

    def show(self, report: EncodingReport, console: Console) -> None:
        console.print(
            f"{report.device}, {report.cpu}, {report.threads} threads; "
            f"precision auto is {report.chosen}"
        )
        for precision, reason in report.refused.items():
            console.print(f"{precision}: {reason}")
        console.print(_pictures(report))
        texts = Table("text query", "p50 ms", "p95 ms")
        for name, latency in report.texts.latency.items():
            texts.add_row(name, f"{latency.p50:.2f}", f"{latency.p95:.2f}")
        console.print(texts)
        for name, rate in report.texts.concurrent.items():
            console.print(f"16 threads, {name}: {rate:,.0f} queries/s")
        losses = Table("mAP", *next(iter(report.mean_average_precision.values())))
        for name, reached in report.mean_average_precision.items():
            lost = report.losses()[name] | {"fp32": 0.0}
            losses.add_row(
                name,
                *(f"{value:.4f} ({-lost[precision]:+.4f})" for precision, value in reached.items()),
            )
        console.print(losses)


def _pictures(report: EncodingReport) -> Table:
    found = report.pictures
    columns = {
        f"batch of {found.batch_size}": found.batch,
        "one by one": found.single,
        "with decoding": found.with_decoding,
    }
    table = Table("pictures/s", *columns)
    for name in found.batch:
        cells = [
            f"{rates[name]:.1f} ({rates[name] / rates[EAGER]:.1f} ×)" for rates in columns.values()
        ]
        table.add_row(name + (" (auto)" if name == report.chosen else ""), *cells)
    return table
