"""The base classes of the benchmark commands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, CommandParser, call_command
from rich.console import Console

from search.errors import InputError
from tools.bench.command import BenchCommand


@dataclass(frozen=True, slots=True)
class Weight:
    grams: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Weigh(BenchCommand[Weight]):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--grams", type=int, default=3)
        super().add_arguments(parser)

    def measure(self, options: dict[str, Any]) -> Weight:
        if options["grams"] < 0:
            raise InputError("a weight cannot be negative", value=options["grams"])
        return Weight(options["grams"])

    def broken_promises(self, report: Weight) -> Sequence[str]:
        return ["light", "handy"] if report.grams > 1000 else []

    def show(self, report: Weight, console: Console) -> None:
        console.print("gram " * report.grams)


def test_a_report_is_one_json_object_or_lines_of_a_width(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = StringIO()
    call_command(Weigh(stdout=out), "--json")
    assert json.loads(out.getvalue()) == {"grams": 3} and not capsys.readouterr().out
    call_command(Weigh(), "--grams", "40")
    assert [len(line) for line in capsys.readouterr().out.split("\n")[:2]] == [120, 80]


def test_errors_and_broken_promises_give_exit_code_1() -> None:
    with pytest.raises(CommandError, match="a weight cannot be negative: got -1"):
        call_command(Weigh(), "--grams", "-1")
    out = StringIO()
    with pytest.raises(CommandError, match="broken promises: light; handy") as ended:
        call_command(Weigh(stdout=out), "--grams", "1001", "--json")
    assert json.loads(out.getvalue()) == {"grams": 1001} and ended.value.returncode == 1


def test_a_failure_in_the_temporary_installation_is_reported(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    items = tmp_path / "items.jsonl"
    items.touch()
    with pytest.raises(CommandError, match="the benchmark failed") as ended:
        call_command("bench_import", str(items), "--rows", "1", "--json")
    assert ended.value.returncode == 1
    assert "CommandError: there are no items to import" in capfd.readouterr().err
