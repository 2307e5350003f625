"""`manage.py space status|change|rollback`: change to another model while search goes on.

Exit codes: 0 done, 1 refused or failed, 2 wrong arguments, 3 the golden set gets worse and the old
space stays, 75 a change is under way elsewhere or something is unavailable, try again later
(EX_TEMPFAIL of sysexits.h), 130 stopped by Ctrl-C, the same command resumes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from indexer.model_change.claiming import release_abandoned_changes
from indexer.model_change.report import (
    change_to_dict,
    get_latest_changes,
    get_model_status,
    is_refused,
    print_change,
    print_status,
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
    """Shows, starts and rolls back changes of model."""

    help = "Change to another model while search goes on, list the changes, or roll one back."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the actions and their options."""
        actions = parser.add_subparsers(dest="action", required=True)
        status = actions.add_parser("status", help="show the model in use and the latest changes")
        change = actions.add_parser(
            "change",
            help="encode everything with another model, compare both, switch if it is not worse",
            description="Search uses the old model meanwhile. If stopped, the command resumes.",
        )
        change.add_argument(
            "--to", required=True, metavar="PRESET", choices=preset_names(), help="the new model"
        )
        change.add_argument(
            "--golden",
            type=Path,
            metavar="FILE.jsonl",
            help='queries to compare by, as lines of {"text" or "image": …, "relevant": [skus]} '
            "(default: clicked queries, or else titles)",
        )
        change.add_argument(
            "--force", action="store_true", help="switch even when the golden set gets worse"
        )
        change.add_argument("--dry-run", action="store_true", help="compare, but do not switch")
        rollback = actions.add_parser(
            "rollback", help="return to the previous model, or abandon an interrupted change"
        )
        for action in (status, change, rollback):
            action.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        """Run one action."""
        try:
            getattr(self, f"_{action}")(options)
        except OmnishelfError as error:
            code = FAILED if error.permanent else TRY_LATER
            raise CommandError(str(error), returncode=code) from error
        except KeyboardInterrupt as stop:
            message = "stopped; nothing is lost, and the same command resumes"
            raise CommandError(message, returncode=STOPPED) from stop

    def _status(self, options: dict[str, Any]) -> None:
        release_abandoned_changes()
        status = get_model_status()
        if options["json"]:
            self.stdout.write(json.dumps(status, indent=2))
        else:
            print_status(status, get_latest_changes(), make_console())

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
        self._print(change, options)
        if is_refused(change):
            raise SystemExit(WORSE)

    def _rollback(self, options: dict[str, Any]) -> None:
        with StageBar() as bar:
            self._print(rollback_change(bar), options)

    def _print(self, change: ModelChange, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(change_to_dict(change)))
        else:
            print_change(change, make_console())
