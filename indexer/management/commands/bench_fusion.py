"""`manage.py bench_fusion`: what a view of another modality than the question's should count."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from indexer.bench.fusion import measure_shares
from search.errors import InputError

SHOWN = ("hit@1", "hit@10", "mAP", "nDCG@10")


class Command(BaseCommand):
    help = "Rank the catalogue of this installation under different shares of the other modality."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--attribute", default="colour", help="the attribute that questions name beside a category")
        parser.add_argument("--json", action="store_true", help="print one JSON array")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            results = measure_shares(options["attribute"])
        except InputError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps([asdict(result) for result in results]))
            return
        table = Table("asked by", "questions", "share of the other modality", *SHOWN)
        for result in results:
            figures = (f"{result.metrics[name]:.3f}" for name in SHOWN)
            table.add_row(result.asked, str(result.questions), f"{result.other_share:g}", *figures)
        Console(file=sys.stdout).print(table)
