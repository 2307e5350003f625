"""`manage.py bench_growth`: the index at several sizes, killed builders, damaged files. Exit
code 1 when a promise was broken.
"""

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
    help = "BuildProcess indexes of several sizes, read them in fresh processes, kill builders and damage files."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="vectors"
        )
        parser.add_argument("--dim", type=int, default=384, help="dimensions")
        parser.add_argument("--queries", type=int, default=500, help="queries of each kind")
        parser.add_argument(
            "--kills", type=int, default=20, help="builders killed at random moments"
        )
        parser.add_argument(
            "--killed-size", type=int, default=100_000, help="vectors of the builds that are killed"
        )
        parser.add_argument(
            "--flips", type=int, default=5, help="bits flipped in every file, one at a time"
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
        figures = [_figures(growth) for growth in report.sizes]
        table = Table("vectors", *(f"{growth.vectors:,}" for growth in report.sizes))
        for name in figures[0]:
            table.add_row(name, *(column[name] for column in figures))
        console.print(table)
        for growth in report.sizes:
            damage = growth.damage
            noticed = damage.flips - len(damage.missed)
            console.print(f"{growth.vectors:,}: {growth.why}")
            console.print(
                f"{growth.vectors:,}: {noticed} of {damage.flips} flipped bits in {damage.files} files noticed"
            )
        killing = report.killing
        console.print(
            f"{killing.kills} builders killed, {killing.published} were faster; {killing.answers:,} answers meanwhile,"
        )
        console.print(
            f"{killing.wrong} of them wrong; {killing.damaged} times something damaged was live"
        )
        console.print(
            f"undisturbed {killing.clean_seconds:.1f} s, after the last kill {killing.last_seconds:.1f} s"
        )


def _figures(growth: SizeResult) -> dict[str, str]:
    found = growth.reading
    kinds = list(found.recall)
    return {
        "index type": growth.index_type,
        "FAISS factory": growth.factory or "–",
        "build s": f"{growth.build_seconds:.1f}",
        "bytes on disk a vector": f"{growth.bytes_per_vector:,.0f}",
        "own MiB": f"{found.own_memory / MIB:,.1f}",
        "mapped MiB": f"{found.mapped_memory / MIB:,.1f}",
        "open s": f"{found.open_seconds:.2f}",
        **{
            f"{kind} queries, p50 / p99 ms": f"{found.p50_ms[kind]:.2f} / {found.p99_ms[kind]:.2f}"
            for kind in kinds
        },
        **{f"{kind} queries, recall@10": f"{found.recall[kind]:.3f}" for kind in kinds},
        "one change, ms": f"{found.refresh_ms:.2f}",
        "1,000 changes, ms": f"{found.changes_ms:.0f}",
    }
