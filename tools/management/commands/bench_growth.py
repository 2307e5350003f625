"""`manage.py bench_growth`: the index at several sizes. Exit code 1 for a broken promise."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from django.core.management import CommandParser
from rich.console import Console
from rich.table import Table

from indexer.processes import limit_numeric_threads
from tools.bench.command import BenchCommand
from tools.bench.scaling.run import ScalingReport, SizeResult, measure_scaling

MIB = 2**20


class Command(BenchCommand[ScalingReport]):
    help = "Build and read indexes of several sizes, kill builders and damage files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="vectors"
        )
        parser.add_argument("--dim", type=int, default=384, help="dimensions")
        parser.add_argument("--queries", type=int, default=500, help="queries of each kind")
        parser.add_argument("--kills", type=int, default=20, help="number of builds to kill")
        parser.add_argument(
            "--killed-size", type=int, default=100_000, help="vectors of the killed builds"
        )
        parser.add_argument(
            "--flips", type=int, default=5, help="bits to flip in every file, one at a time"
        )
        super().add_arguments(parser)

    def measure(self, options: dict[str, Any]) -> ScalingReport:
        limit_numeric_threads()
        return measure_scaling(
            options["sizes"],
            options["dim"],
            queries=options["queries"],
            kills=options["kills"],
            killed_size=options["killed_size"],
            flips=options["flips"],
            log=lambda line: print(line, file=sys.stderr, flush=True),
        )

    def broken_promises(self, report: ScalingReport) -> Sequence[str]:
        return report.broken

    def show(self, report: ScalingReport, console: Console) -> None:
        figures = [_figures(size) for size in report.sizes]
        table = Table("vectors", *(f"{size.vectors:,}" for size in report.sizes))
        for name in figures[0]:
            table.add_row(name, *(column[name] for column in figures))
        console.print(table)
        for size in report.sizes:
            damage = size.damage
            detected = damage.flips - len(damage.missed)
            console.print(f"{size.vectors:,}: {size.why}")
            console.print(
                f"{size.vectors:,}: {detected} of {damage.flips} flipped bits "
                f"in {damage.files} files detected"
            )
        killing = report.killing
        console.print(
            f"{killing.kills} builds killed, {killing.published} ended before; "
            f"{killing.answers:,} answers meanwhile, {killing.wrong} of them wrong; "
            f"{killing.damaged} times the live generation was damaged"
        )
        console.print(
            f"undisturbed {killing.clean_seconds:.1f} s, "
            f"after the last kill {killing.last_seconds:.1f} s"
        )


def _figures(size: SizeResult) -> dict[str, str]:
    reading = size.reading
    kinds = list(reading.recall)
    return {
        "index type": size.index_type,
        "FAISS factory": size.factory or "–",
        "build s": f"{size.build_seconds:.1f}",
        "bytes on disk per vector": f"{size.bytes_per_vector:,.0f}",
        "own MiB": f"{reading.own_memory / MIB:,.1f}",
        "mapped MiB": f"{reading.mapped_memory / MIB:,.1f}",
        "open s": f"{reading.open_seconds:.2f}",
        **{
            f"{kind} queries, p50 / p99 ms": (
                f"{reading.p50_ms[kind]:.2f} / {reading.p99_ms[kind]:.2f}"
            )
            for kind in kinds
        },
        **{f"{kind} queries, recall@10": f"{reading.recall[kind]:.3f}" for kind in kinds},
        "one change, ms": f"{reading.refresh_ms:.2f}",
        "1,000 changes, ms": f"{reading.changes_ms:.0f}",
    }
