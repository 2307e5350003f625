"""`manage.py bench_import`: the whole import on real pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management import CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from tools.bench.command import IsolatedBenchCommand
from tools.bench.importing import ImportReport, measure_import


class Command(IsolatedBenchCommand[ImportReport]):
    help = "Import real products in a temporary installation; compare with the encoder alone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("items", type=Path, help="items.jsonl of a folder of pictures")
        parser.add_argument("--rows", type=int, default=5000, help="number of rows to import")
        super().add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        options["items"] = options["items"].resolve()
        if not options["items"].is_file():
            raise CommandError(f"there is no such file: {options['items']}")
        super().handle(*args, **options)

    def arguments(self, options: dict[str, Any]) -> Sequence[str]:
        return [str(options["items"]), "--rows", str(options["rows"])]

    def measure(self, options: dict[str, Any]) -> ImportReport:
        return measure_import(options["items"], options["rows"])

    def show(self, report: ImportReport, console: Console) -> None:
        table = Table("figure", "value")
        for name, value in report.as_dict().items():
            table.add_row(
                name.replace("_", " "),
                f"{value:,.2f}" if isinstance(value, float) else f"{value:,}",
            )
        console.print(table)
