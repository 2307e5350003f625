"""`manage.py bench_clips`: how fast videos and sounds are taken in, and in how much memory."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from indexer.bench.clips import ClipReport, measure_clips
from search.errors import OmnishelfError

MEBIBYTE = 1024 * 1024


class Command(BaseCommand):
    help = "Times real time at which a 480p video and a sound are decoded, encoded, and both at once; memory meanwhile."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--seconds", type=int, default=600, help="play time of the clips that are drawn")
        parser.add_argument("--clip", type=Path, help="a video to measure instead of a drawn one")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = measure_clips(options["seconds"], options["clip"])
        except OmnishelfError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict()))
        else:
            _print(report, Console(file=sys.stdout))


def _print(report: ClipReport, console: Console) -> None:
    console.print(f"{report.cpus} processors, preset {report.preset}; figures are times real time")
    table = Table("clip", "seconds", "views", "decode alone", "encode alone", "overlapped", "processor seconds")
    memory = Table("MiB at most", "worker, a sixth of the length", "this length", "children, a sixth", "this length")
    for clip in report.clips:
        rates = (clip.decode_alone, clip.encode_alone, clip.overlapped)
        shown = [f"{rate:.1f}" for rate in (*rates, clip.processor_s)]
        table.add_row(clip.kind, f"{clip.seconds:.0f}", str(clip.views), *shown)
        before, used = clip.memory_before, clip.memory
        peaks = (before and before.parent, used.parent, before and before.children, used.children)
        memory.add_row(clip.kind, *("–" if peak is None else f"{peak / MEBIBYTE:.0f}" for peak in peaks))
    console.print(table, memory)
