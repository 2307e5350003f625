"""`manage.py bench_fusion`: what a view of another modality than the question's should count."""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from rich.table import Table

from indexer.evaluation.installation import run_apart
from search.errors import InputError
from search.terminal import make_console
from tools.bench.fusion import measure_shares
from tools.bench.mixed_catalogue import PairResult, measure_pairs, mixed_folder

SHOWN = ("hit@1", "hit@10", "mAP", "nDCG@10")


class Command(BaseCommand):
    help = "Rank the catalogue of this installation under different shares of the other modality."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--attribute",
            default="colour",
            help="the attribute that questions name beside a category",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON array")
        parser.add_argument(
            "--data",
            type=Path,
            help="instead of this installation's catalogue, real evaluation folders",
        )
        parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["data"]:
            self._real(options)
            return
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
        make_console().print(table)

    def _real(self, options: dict[str, Any]) -> None:
        if not options["here"]:
            asked = ["--json"] if options["json"] else []
            if status := run_apart(
                "bench_fusion", f"--data={options['data'].resolve()}", "--here", *asked
            ):
                raise CommandError("the measurement failed", returncode=status)
            return
        call_command("migrate", verbosity=0)
        with tempfile.TemporaryDirectory() as folder:
            results = measure_pairs(mixed_folder(options["data"], Path(folder)))
        if options["json"]:
            self.stdout.write(json.dumps([asdict(result) for result in results]))
        else:
            make_console(200).print(pairs_table(results))


def pairs_table(results: list[PairResult]) -> Table:
    """Mean average precision of every set asked in the pair's first modality; a star marks the
    share in use.
    """
    table = Table("asked by", "view", "share", "mean mAP", "by set: mAP, hit@1")
    for result in results:
        star = "*" if result.share == result.in_use else ""
        sets = ", ".join(
            f"{name} {found['mAP']:.3f} {found['hit@1']:.2f}"
            for name, found in result.metrics.items()
        )
        table.add_row(
            result.asked, result.shown, f"{result.share:g}{star}", f"{result.mean:.3f}", sets
        )
    return table
