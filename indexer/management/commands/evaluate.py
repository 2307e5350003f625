"""manage.py evaluate"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from indexer.evaluation.installation import run_apart
from indexer.evaluation.run import evaluate_folder
from search.errors import OmnishelfError
from search.evaluation.folder import read_folder


class Command(BaseCommand):
    help = (
        "Load an evaluation folder (catalog.csv + queries.jsonl) into a throw-away index through the import and query "
        "code of the shop, and print retrieval metrics and stage latencies."
    )
    # The throw-away installation checks itself; the real one need not even be set up.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="folder with catalog.csv and queries.jsonl")
        parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
        parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"].resolve()
        try:
            evaluation = read_folder(folder)
            if not options["here"]:
                self._run_apart(folder, as_json=options["json"])
                return
            call_command("migrate", verbosity=0)
            report = evaluate_folder(evaluation)
        except OmnishelfError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(report.as_dict()))
        else:
            report.print(Console(file=sys.stdout))

    def _run_apart(self, folder: Path, *, as_json: bool) -> None:
        status = run_apart("evaluate", str(folder), "--here", *(["--json"] if as_json else []))
        if status:
            raise CommandError("the evaluation failed", returncode=status)
