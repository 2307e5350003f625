"""`manage.py bench_speech`: word error rate and latency of spoken queries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management import CommandParser
from rich.console import Console
from rich.table import Table

from tools.bench.command import BenchCommand
from tools.bench.speech.measure import SpeechReport, measure_speech


class Command(BenchCommand[SpeechReport]):
    help = "Measure word error rate and latency of the installed speech engines on spoken queries."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--data",
            type=Path,
            help="folder with fsdd, ikea and wands_queries; default: drawn products",
        )
        parser.add_argument(
            "--texts", type=int, default=30, help="number of texts of each synthesised set"
        )
        super().add_arguments(parser)

    def measure(self, options: dict[str, Any]) -> SpeechReport:
        return measure_speech(options["data"], options["texts"])

    def show(self, report: SpeechReport, console: Console) -> None:
        figures = report.figures
        table = Table(
            "set",
            "engine",
            "recordings",
            "length",
            "word errors",
            "exact",
            "decode ms",
            "transcribe ms",
        )
        for one in figures:
            table.add_row(
                one.utterance_set,
                one.engine,
                f"{one.recordings}",
                f"{one.seconds:.1f} s",
                f"{one.word_error_rate:.1%}",
                f"{one.exact:.0%}",
                f"{one.decode_p50_ms:.0f}",
                f"{one.write_down_p50_ms:.0f} (p95 {one.write_down_p95_ms:.0f})",
            )
        console.print(table)
        speakers = Table("word errors by speaker", *dict.fromkeys(one.engine for one in figures))
        for name in dict.fromkeys(one.utterance_set for one in figures):
            of_name = [one for one in figures if one.utterance_set == name]
            for speaker in of_name[0].by_speaker:
                speakers.add_row(
                    f"{name}: {speaker}", *(f"{one.by_speaker[speaker]:.0%}" for one in of_name)
                )
        console.print(speakers)
