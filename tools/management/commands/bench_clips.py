"""`manage.py bench_clips`: speed and memory of the encoding of video and audio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management import CommandParser
from rich.console import Console
from rich.table import Table

from tools.bench.clips import ClipReport, measure_clips
from tools.bench.command import BenchCommand

MEBIBYTE = 1024 * 1024


class Command(BenchCommand[ClipReport]):
    help = (
        "Measure decoding and encoding of a 480p video and a sound in times real time, and memory."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seconds", type=int, default=600, help="duration of the drawn clips")
        parser.add_argument("--clip", type=Path, help="a video to measure instead of a drawn one")
        super().add_arguments(parser)

    def measure(self, options: dict[str, Any]) -> ClipReport:
        return measure_clips(options["seconds"], options["clip"])

    def show(self, report: ClipReport, console: Console) -> None:
        console.print(
            f"{report.cpus} processors, preset {report.preset}; speeds are in times real time"
        )
        table = Table(
            "clip",
            "seconds",
            "views",
            "decode alone",
            "encode alone",
            "overlapped",
            "processor seconds",
        )
        memory = Table(
            "peak MiB",
            "worker, a sixth of the duration",
            "full duration",
            "children, a sixth",
            "full duration",
        )
        for clip in report.clips:
            rates = (clip.decode_alone, clip.encode_alone, clip.overlapped)
            shown = [f"{rate:.1f}" for rate in (*rates, clip.processor_s)]
            table.add_row(clip.kind, f"{clip.seconds:.0f}", str(clip.views), *shown)
            previous, used = clip.memory_before, clip.memory
            memory.add_row(
                clip.kind,
                _mebibytes(previous.parent if previous else None),
                _mebibytes(used.parent),
                _mebibytes(previous.children if previous else None),
                _mebibytes(used.children),
            )
        console.print(table, memory)


def _mebibytes(size: int | None) -> str:
    return "–" if size is None else f"{size / MEBIBYTE:.0f}"
