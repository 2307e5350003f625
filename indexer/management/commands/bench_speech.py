"""`manage.py bench_speech`: word error rate and latency of spoken queries."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from indexer.bench.speech.measure import SpeechFigures, measure_speech
from search.errors import OmnishelfError


class Command(BaseCommand):
    help = "Word error rate and latency of the speech engines that are here, on digits and on queries that are spoken."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--data", type=Path, help="folder with fsdd, ikea and wands_queries; else drawn products")
        parser.add_argument("--texts", type=int, default=30, help="how many texts of each kind are spoken")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = list(measure_speech(options["data"], options["texts"]))
        except OmnishelfError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps({"figures": [figures.as_dict() for figures in found]}))
        else:
            _print(found, Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120))


def _print(found: list[SpeechFigures], console: Console) -> None:
    table = Table("said", "engine", "recordings", "length", "word errors", "exact", "decode ms", "write down ms")
    for one in found:
        table.add_row(
            one.sayings,
            one.engine,
            f"{one.recordings}",
            f"{one.seconds:.1f} s",
            f"{one.word_error_rate:.1%}",
            f"{one.exact:.0%}",
            f"{one.decode_p50_ms:.0f}",
            f"{one.write_down_p50_ms:.0f} (p95 {one.write_down_p95_ms:.0f})",
        )
    console.print(table)
    speakers = Table("word errors by speaker", *dict.fromkeys(one.engine for one in found))
    for name in dict.fromkeys(one.sayings for one in found):
        of_name = [one for one in found if one.sayings == name]
        for speaker in of_name[0].by_speaker:
            speakers.add_row(f"{name}: {speaker}", *(f"{one.by_speaker[speaker]:.0%}" for one in of_name))
    console.print(speakers)
