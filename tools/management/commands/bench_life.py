"""`manage.py bench_life`: the soak test. Exit code 1 when a promise was broken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.management import CommandParser
from rich.console import Console
from rich.table import Table

from indexer.processes import limit_numeric_threads
from tools.bench.command import IsolatedBenchCommand
from tools.bench.soak.report import Promise, SoakReport
from tools.bench.soak.run import SoakSettings, run_soak

NUMBERS = {"minutes": 10.0, "rows": 20_000, "changes": 8.0, "searchers": 2}


class Command(IsolatedBenchCommand[SoakReport]):
    help = (
        "Search at full speed while products are added, changed and removed, the index is rebuilt "
        "and the space is switched."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--minutes", type=float, default=NUMBERS["minutes"], help="duration of the load"
        )
        parser.add_argument(
            "--rows", type=int, default=NUMBERS["rows"], help="products in the shop at the start"
        )
        parser.add_argument(
            "--changes", type=float, default=NUMBERS["changes"], help="changes per second"
        )
        parser.add_argument(
            "--searchers", type=int, default=NUMBERS["searchers"], help="number of search threads"
        )
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        limit_numeric_threads()
        super().handle(*args, **options)

    def arguments(self, options: dict[str, Any]) -> Sequence[str]:
        return [part for name in NUMBERS for part in (f"--{name}", str(options[name]))]

    def measure(self, options: dict[str, Any]) -> SoakReport:
        return run_soak(
            SoakSettings(
                options["minutes"] * 60, options["rows"], options["changes"], options["searchers"]
            )
        )

    def broken_promises(self, report: SoakReport) -> Sequence[str]:
        return [promise.what for promise in report.broken]

    def show(self, report: SoakReport, console: Console) -> None:
        latencies = Table("search", "phase", "searches", "p50 ms", "p99 ms")
        for search, phases in report.latencies.items():
            for phase, found in phases.items():
                latencies.add_row(
                    search,
                    phase,
                    f"{found['count']:,.0f}",
                    f"{found['p50']:.2f}",
                    f"{found['p99']:.2f}",
                )
        console.print(latencies)
        console.print(
            f"{report.searches:,} answers checked, {report.compared:,} of them against exact search"
        )
        console.print(f"{report.probed:,} views searched for by their own vector")
        console.print(
            f"new views found after {report.fresh_p50_s:.2f} s (p50), "
            f"{report.fresh_p99_s:.2f} s (p99)"
        )
        console.print(
            f"a deleted or hidden view was found for at most {report.oldest_removed_s:.2f} s"
        )
        for rebuild in report.rebuilds:
            index_types = ", ".join(
                f"{modality} {index_type}" for modality, index_type in rebuild.index_types.items()
            )
            what = "second space" if rebuild.second_space else f"generation {rebuild.number}"
            console.print(f"{what} built in {rebuild.seconds:.1f} s: {index_types}")
        console.print(
            f"memory {report.memory_before / 2**20:,.0f} MiB early, "
            f"{report.memory_after / 2**20:,.0f} MiB late"
        )
        for failure, count in report.failures.items():
            console.print(f"[red]{count} × {failure}")
        promises = Table("promise", "measured", "limit", "kept")
        for promise in report.promises:
            promises.add_row(
                promise.what,
                f"{promise.measured:,.3f}",
                _limit(promise),
                "yes" if promise.kept else "NO",
            )
        console.print(promises)


def _limit(promise: Promise) -> str:
    return f"≥ {promise.minimum:g}" if promise.minimum is not None else f"≤ {promise.maximum:g}"
