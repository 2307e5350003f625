"""`manage.py bench_import`: the whole upload path on real pictures."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from rich.console import Console
from rich.table import Table

from indexer.bench.importing import measure_import
from indexer.evaluation.installation import run_apart


class Command(BaseCommand):
    help = "Import real rows with pictures in a throw-away installation; throughput against the bare encoder."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("items", type=Path, help="items.jsonl beside its pictures")
        parser.add_argument("--rows", type=int, default=5000, help="how many rows to import")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--here", action="store_true", help="use this installation, which must be empty")

    def handle(self, *args: Any, **options: Any) -> None:
        items: Path = options["items"].resolve()
        if not items.is_file():
            raise CommandError(f"there is no such file: {items}")
        if not options["here"]:
            extra = ["--json"] if options["json"] else []
            if status := run_apart("bench_import", str(items), "--rows", str(options["rows"]), "--here", *extra):
                raise CommandError("the benchmark failed", returncode=status)
            return
        call_command("migrate", verbosity=0)
        report = measure_import(items, options["rows"]).as_dict()
        if options["json"]:
            self.stdout.write(json.dumps(report))
            return
        table = Table("figure", "value")
        for name, value in report.items():
            table.add_row(name.replace("_", " "), f"{value:,.2f}" if isinstance(value, float) else f"{value:,}")
        Console(file=sys.stdout).print(table)
