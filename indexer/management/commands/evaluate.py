"""manage.py evaluate"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from indexer.evaluation.document import write_document
from indexer.evaluation.installation import run_apart
from indexer.evaluation.suite import Precisions, Suite, choose, evaluate_folders, read_precisions
from indexer.evaluation.tables import comparison, figures
from search.errors import OmnishelfError
from search.evaluation.folder import find_folders
from search.terminal import make_console


class Command(BaseCommand):
    help = (
        "Load evaluation folders (catalog.csv + queries.jsonl), one after another, into a throw-away index through the "
        "import and query code of the shop, and print retrieval metrics and stage latencies."
    )
    # The throw-away installation checks itself; the real one need not even be set up.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="an evaluation folder, or a folder of them")
        parser.add_argument(
            "--only", nargs="+", default=[], metavar="NAME", help="of a folder of them, only these"
        )
        parser.add_argument(
            "--json", type=Path, metavar="FILE", help="write every figure, query by query"
        )
        parser.add_argument(
            "--compare", type=Path, metavar="FORMER", help="a file of --json to compare with"
        )
        parser.add_argument(
            "--out", type=Path, metavar="DOCS", help="write evaluation.md and evaluation.svg there"
        )
        parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            folders = choose(find_folders(options["folder"].resolve()), options["only"])
            former = read_precisions(options["compare"]) if options["compare"] else {}
            if not options["here"]:
                self._run_apart(options)
                return
            call_command("migrate", verbosity=0)
            suite = evaluate_folders(folders, self.stdout.write)
            if suite.reports:
                self._show(suite, former)
                _write(suite, options["json"], options["out"])
        except OmnishelfError as error:
            raise CommandError(str(error)) from error

    def _run_apart(self, options: dict[str, Any]) -> None:
        named = [
            f"--{name}={options[name]}" for name in ("json", "compare", "out") if options[name]
        ]
        only = ["--only", *options["only"]] if options["only"] else []
        if status := run_apart("evaluate", str(options["folder"]), "--here", *named, *only):
            raise CommandError("the evaluation failed", returncode=status)

    def _show(self, suite: Suite, former: Precisions) -> None:
        console = make_console()
        if len(suite.reports) == 1:
            suite.reports[0].print(console)
        else:
            console.print(figures(suite))
        if former:
            console.print(comparison(suite, former))


def _write(suite: Suite, json_file: Path | None, docs: Path | None) -> None:
    if json_file:
        json_file.write_text(
            json.dumps(suite.as_dict(), ensure_ascii=False) + "\n", encoding="utf-8"
        )
    if docs:
        write_document(suite, docs)
