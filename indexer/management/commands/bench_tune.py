"""`manage.py bench_tune`: tune on real goods that the encoder has never learned from, and roll back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from rich.console import Console
from rich.table import Table

from indexer.bench.tuning import measure_tuning
from indexer.evaluation.installation import run_apart
from search.config import engine_settings


class Command(BaseCommand):
    help = "Train heads without the myntra goods, tune on those in a throw-away installation, and roll back."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of data folders and eval")
        cache = engine_settings().var_dir / "train"
        parser.add_argument("--cache", type=Path, default=cache, help="where features for training are kept")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--here", action="store_true", help="use this installation, which must be empty")

    def handle(self, *args: Any, **options: Any) -> None:
        data, cache = options["data"], options["cache"].resolve()
        if not (data / "myntra" / "items.jsonl").is_file():
            raise CommandError(f"there is no myntra/items.jsonl in {data}")
        if not options["here"]:
            extra = ["--json"] if options["json"] else []
            if status := run_apart("bench_tune", "--here", "--data", str(data), "--cache", str(cache), *extra):
                raise CommandError("the benchmark failed", returncode=status)
            return
        call_command("migrate", verbosity=0)
        report = measure_tuning(data, cache).as_dict()
        if options["json"]:
            self.stdout.write(json.dumps(report))
            return
        table = Table("figure", "value")
        for name, value in report.items():
            rows = value.items() if isinstance(value, dict) else [("", value)]
            for part, figure in rows:
                shown = f"{figure:,.3f}" if isinstance(figure, float) else str(figure)
                table.add_row(f"{name.replace('_', ' ')} {part}", shown)
        Console(file=sys.stdout).print(table)
