"""`manage.py bench_tune`: tune on products that the encoder was not trained on, and roll back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management import CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from search.config import engine_settings
from tools.bench.command import IsolatedBenchCommand
from tools.bench.tuning import TuneReport, measure_tuning


class Command(IsolatedBenchCommand[TuneReport]):
    help = "Train heads without myntra, tune on it in a temporary installation, and roll back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--data",
            type=Path,
            default=Path("../shared/data"),
            help="folder of data folders and eval",
        )
        cache = engine_settings().var_dir / "train"
        parser.add_argument("--cache", type=Path, default=cache, help="folder of training features")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if not (options["data"] / "myntra" / "items.jsonl").is_file():
            raise CommandError(f"there is no myntra/items.jsonl in {options['data']}")
        super().handle(*args, **options)

    def arguments(self, options: dict[str, Any]) -> Sequence[str]:
        return ["--data", str(options["data"]), "--cache", str(options["cache"].resolve())]

    def measure(self, options: dict[str, Any]) -> TuneReport:
        return measure_tuning(options["data"], options["cache"].resolve())

    def show(self, report: TuneReport, console: Console) -> None:
        table = Table("figure", "value")
        for name, value in report.as_dict().items():
            rows = value.items() if isinstance(value, dict) else [("", value)]
            for part, figure in rows:
                shown = f"{figure:,.3f}" if isinstance(figure, float) else str(figure)
                table.add_row(f"{name.replace('_', ' ')} {part}", shown)
        console.print(table)
