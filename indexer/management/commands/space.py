"""`manage.py space status|change|rollback`: another model, made beside the one in use, judged,
swapped in or refused.

Exit codes: 0 done · 1 refused or failed · 2 wrong arguments · 3 the golden set gets worse, so
the old space stays · 75 a change is under way elsewhere, or something is away: try again later
(EX_TEMPFAIL of sysexits.h) · 130 stopped by Ctrl-C, the same command goes on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from indexer.model_change.claiming import release_abandoned_changes
from indexer.model_change.report import (
    as_dict,
    get_model_status,
    latest,
    print_change,
    print_state,
    refused,
)
from indexer.model_change.run import change_model, rollback_change
from indexer.model_release.progress import StageBar
from search.encoders.registry import preset_names
from search.errors import OmnishelfError
from search.evaluation.folder import read_queries
from search.terminal import make_console
from webapp.catalog.models import ModelChange

FAILED, WORSE, TRY_LATER, STOPPED = 1, 3, 75, 130


class Command(BaseCommand):
    help = "Change to another model without a pause, see what was changed, go back."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        status = actions.add_parser("status", help="show which model is in use, and the changes")
        change = actions.add_parser(
            "change",
            help="encode everything for another model beside the one in use, compare both, and swap if not worse",
            description="Stopped at any point, the same command goes on. Search answers from the old space meanwhile.",
        )
        change.add_argument(
            "--to", required=True, metavar="PRESET", choices=preset_names(), help="the new model"
        )
        change.add_argument(
            "--golden", type=Path, metavar="FILE.jsonl",
            help='lines of {"text" or "image": …, "relevant": [skus]} (default: clicks, else titles)',
        )  # fmt: skip
        change.add_argument(
            "--force", action="store_true", help="swap even when the golden set gets worse"
        )
        change.add_argument(
            "--dry-run", action="store_true", help="encode and compare, do not swap"
        )
        back = actions.add_parser(
            "rollback",
            help="bring back the model that was in use before; give up a change that was interrupted",
        )
        for action in (status, change, back):
            action.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(options)
        except OmnishelfError as error:
            raise CommandError(
                str(error), returncode=FAILED if error.permanent else TRY_LATER
            ) from error
        except KeyboardInterrupt as stop:
            told = "stopped; nothing is lost, and the same command goes on with it"
            raise CommandError(told, returncode=STOPPED) from stop

    def _status(self, options: dict[str, Any]) -> None:
        release_abandoned_changes()
        state = get_model_status()
        if options["json"]:
            self.stdout.write(json.dumps(state, indent=2))
        else:
            print_state(state, latest(), make_console())

    def _change(self, options: dict[str, Any]) -> None:
        golden = read_queries(options["golden"]) if options["golden"] else ()
        with StageBar() as bar:
            change = change_model(
                options["to"],
                golden=golden,
                force=options["force"],
                dry_run=options["dry_run"],
                show=bar,
            )
        self._say(change, options)
        if refused(change):
            raise SystemExit(WORSE)

    def _rollback(self, options: dict[str, Any]) -> None:
        with StageBar() as bar:
            self._say(rollback_change(bar), options)

    def _say(self, change: ModelChange, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(as_dict(change)))
        else:
            print_change(change, make_console())
