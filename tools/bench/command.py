"""Base classes of the benchmark commands: output as JSON or tables, temporary installation."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from rich.console import Console

from indexer.evaluation.installation import run_in_temporary_installation
from search.errors import OmnishelfError
from search.terminal import make_console


class Report(Protocol):
    """The result of a benchmark."""

    def as_dict(self) -> dict[str, Any]:
        """Return the content of the JSON output."""


Measured = TypeVar("Measured", bound=Report)


class BenchCommand(BaseCommand, ABC, Generic[Measured]):
    """Measures, and prints a report.

    Subclasses add their own options before they call `super().add_arguments`.
    """

    requires_system_checks: list[str] = []
    width = 120
    """Characters per line if the output is not a terminal."""

    @abstractmethod
    def measure(self, options: dict[str, Any]) -> Measured:
        """Measure; an OmnishelfError becomes a CommandError."""

    @abstractmethod
    def show(self, report: Measured, console: Console) -> None:
        """Print the report as text and tables."""

    def broken_promises(self, report: Measured) -> Sequence[str]:
        """Return the broken promises: printed after the report, with exit code 1."""
        return ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = self.measure(options)
        except OmnishelfError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict()))
        else:
            self.show(report, make_console(self.width))
        if broken := self.broken_promises(report):
            raise CommandError("broken promises: " + "; ".join(broken))


class IsolatedBenchCommand(BenchCommand[Measured]):
    """Measures in a temporary installation, or with --here in this one."""

    @abstractmethod
    def arguments(self, options: dict[str, Any]) -> Sequence[str]:
        """Return the command's own options, for its process in the temporary installation."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--here", action="store_true", help="use this installation, which must be empty"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["here"]:
            call_command("migrate", verbosity=0)
            super().handle(*args, **options)
            return
        name = self.__module__.rpartition(".")[2]
        flags = ["--json"] if options["json"] else []
        if status := run_in_temporary_installation(
            name, *self.arguments(options), "--here", *flags
        ):
            raise CommandError("the benchmark failed", returncode=status)
