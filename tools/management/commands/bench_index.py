"""`manage.py bench_index`: our vector index against raw FAISS and other libraries."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from django.core.management import CommandError, CommandParser
from rich.console import Console

from search.config import engine_settings
from tools.bench.command import BenchCommand
from tools.bench.index.compare import BenchmarkRun, Effort
from tools.bench.index.data import Spec
from tools.bench.index.engines.registry import ENGINES
from tools.bench.index.figures import Comparison
from tools.bench.index.report import print_report


class Command(BenchCommand[Comparison]):
    help = "Compare our vector index with raw FAISS and other libraries in one run."
    width = 140

    def add_arguments(self, parser: CommandParser) -> None:
        default, effort = Spec(), Effort()
        parser.add_argument(
            "--rows", type=int, default=default.rows, help="vectors, at least 1,000"
        )
        parser.add_argument(
            "--dim", type=int, default=default.dim, help="dimension, a multiple of 4"
        )
        parser.add_argument(
            "--queries",
            type=int,
            default=default.queries,
            help="number per kind, and as many held out",
        )
        parser.add_argument(
            "--seed", type=int, default=default.seed, help="seed of vectors and queries"
        )
        parser.add_argument("--rounds", type=int, default=effort.rounds, help="timing rounds")
        parser.add_argument(
            "--limit", type=float, default=effort.limit_s, help="seconds per step of an engine"
        )
        parser.add_argument(
            "--engines", nargs="+", default=list(ENGINES), choices=list(ENGINES), metavar="NAME",
            help=f"of {', '.join(ENGINES)}",
        )  # fmt: skip
        super().add_arguments(parser)

    def measure(self, options: dict[str, Any]) -> Comparison:
        spec = Spec(options["rows"], options["dim"], options["queries"], options["seed"])
        if (
            spec.rows < 1000
            or spec.dim < 8
            or spec.dim % 4
            or spec.queries < 1
            or options["rounds"] < 1
        ):
            raise CommandError(
                "needs 1,000 rows, a query, a round, and a dimension that is a multiple of 4"
            )
        console = Console(file=sys.stderr)
        var = engine_settings().var_dir
        var.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="bench-index-", dir=var) as folder:
            run = BenchmarkRun(
                Path(folder), Effort(options["rounds"], options["limit"]), console.print
            )
            return run.run(spec, options["engines"])

    def show(self, report: Comparison, console: Console) -> None:
        print_report(report, console)
