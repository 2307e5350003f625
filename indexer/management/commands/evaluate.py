"""`manage.py evaluate`: measure retrieval on evaluation folders."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from indexer.evaluation.document import write_document
from indexer.evaluation.installation import run_in_temporary_installation
from indexer.evaluation.suite import (
    Precisions,
    Suite,
    evaluate_folders,
    make_comparison_table,
    make_figures_table,
    read_precisions,
    select_folders,
)
from search.errors import OmnishelfError
from search.evaluation.folder import find_folders
from search.terminal import make_console


class Command(BaseCommand):
    """Evaluates in a temporary installation."""

    help = (
        "Import evaluation folders (catalog.csv + queries.jsonl) one after another into a "
        "temporary installation, run their queries as the shop does, print metrics and latencies."
    )
    # The temporary installation checks itself; the real one need not be set up.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("folder", type=Path, help="an evaluation folder, or a folder of them")
        parser.add_argument(
            "--only", nargs="+", default=[], metavar="NAME", help="evaluate only these folders"
        )
        parser.add_argument(
            "--json", type=Path, metavar="FILE", help="write all results as JSON, also per query"
        )
        parser.add_argument(
            "--compare",
            type=Path,
            metavar="FORMER",
            help="compare with the --json file of an earlier run",
        )
        parser.add_argument(
            "--out",
            type=Path,
            metavar="DOCS",
            help="write evaluation.md and evaluation.svg to this folder",
        )
        parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        """Evaluate the folders, in another process unless --here is given."""
        try:
            folders = select_folders(find_folders(options["folder"].resolve()), options["only"])
            earlier = read_precisions(options["compare"]) if options["compare"] else {}
            if not options["here"]:
                self._run_in_temporary_installation(options)
                return
            call_command("migrate", verbosity=0)
            suite = evaluate_folders(folders, self.stdout.write)
            if suite.reports:
                self._show(suite, earlier)
                _write(suite, options["json"], options["out"])
        except OmnishelfError as error:
            raise CommandError(str(error)) from error

    def _run_in_temporary_installation(self, options: dict[str, Any]) -> None:
        outputs = [
            f"--{name}={options[name]}" for name in ("json", "compare", "out") if options[name]
        ]
        only = ["--only", *options["only"]] if options["only"] else []
        if status := run_in_temporary_installation(
            "evaluate", str(options["folder"]), "--here", *outputs, *only
        ):
            raise CommandError("the evaluation failed", returncode=status)

    def _show(self, suite: Suite, earlier: Precisions) -> None:
        console = make_console()
        if len(suite.reports) == 1:
            suite.reports[0].print(console)
        else:
            console.print(make_figures_table(suite))
        if earlier:
            console.print(make_comparison_table(suite, earlier))


def _write(suite: Suite, json_file: Path | None, docs: Path | None) -> None:
    if json_file:
        json_file.write_text(
            json.dumps(suite.as_dict(), ensure_ascii=False) + "\n", encoding="utf-8"
        )
    if docs:
        write_document(suite, docs)
