"""`manage.py bench_fusion`: evaluate the weights of other modalities than the query's."""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from rich.table import Table

from indexer.evaluation.installation import run_in_temporary_installation
from search.errors import InputError
from search.terminal import make_console
from tools.bench.fusion import measure_weights
from tools.bench.mixed_catalogue import PairResult, measure_pairs, mixed_folder

SHOWN = ("hit@1", "hit@10", "mAP", "nDCG@10")


class Command(BaseCommand):
    help = "Rank the catalogue with different weights of the other modalities."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--attribute",
            default="colour",
            help="attribute that queries name together with a category",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON array")
        parser.add_argument(
            "--data",
            type=Path,
            help="evaluation folders to use instead of this installation's catalogue",
        )
        parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["data"]:
            self._evaluate_folders(options)
            return
        try:
            results = measure_weights(options["attribute"])
        except InputError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps([asdict(result) for result in results]))
            return
        table = Table("query", "queries", "weight of other modalities", *SHOWN)
        for result in results:
            values = (f"{result.metrics[name]:.3f}" for name in SHOWN)
            table.add_row(result.queries, str(result.count), f"{result.other_weight:g}", *values)
        make_console().print(table)

    def _evaluate_folders(self, options: dict[str, Any]) -> None:
        if not options["here"]:
            flags = ["--json"] if options["json"] else []
            if status := run_in_temporary_installation(
                "bench_fusion", f"--data={options['data'].resolve()}", "--here", *flags
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
    """Return a table of mAP by pair of modalities and weight; a star marks the weight in use."""
    table = Table("query", "view", "weight", "mean mAP", "by set: mAP, hit@1")
    for result in results:
        star = "*" if result.weight == result.weight_in_use else ""
        sets = ", ".join(
            f"{name} {figures['mAP']:.3f} {figures['hit@1']:.2f}"
            for name, figures in result.metrics.items()
        )
        table.add_row(
            result.query_modality,
            result.view_modality,
            f"{result.weight:g}{star}",
            f"{result.mean:.3f}",
            sets,
        )
    return table
