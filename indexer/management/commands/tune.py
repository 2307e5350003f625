"""`manage.py tune`: train the encoder's heads on this catalogue, or roll a tuning back.

Exit codes: 0 done, 1 refused or failed, 2 wrong arguments, 3 not better and so not published.
"""

from __future__ import annotations

import json
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from indexer.model_release.progress import StageBar
from indexer.tuning.claiming import fail_abandoned_tunings
from indexer.tuning.report import print_tuning, print_tunings, tuning_to_dict
from indexer.tuning.run import rollback_tuning, run_tuning
from search.errors import OmnishelfError
from search.terminal import make_console
from webapp.catalog.models import Tuning, TuningStage, TuningState
from webapp.catalog.selectors.spaces import get_active_preset
from webapp.catalog.services.tunings import create_tuning

NOT_BETTER = 3


class Command(BaseCommand):
    """Tunes, lists and rolls back."""

    help = (
        "Tune the encoder to this catalogue: train on its pictures and texts, and publish the "
        "result only if held-out products are found better."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("--preset", help="encoder to tune (default: the one in use)")
        parser.add_argument(
            "--from-clicks", action="store_true", help="train on clicked queries as well"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        action = parser.add_mutually_exclusive_group()
        action.add_argument(
            "--dry-run", action="store_true", help="train and measure, but publish nothing"
        )
        action.add_argument(
            "--rollback",
            action="store_true",
            help="return to the heads before the live tuning",
        )
        action.add_argument("--status", action="store_true", help="list the tunings")

    def handle(self, *args: Any, **options: Any) -> None:
        """Tune, or do what an option says."""
        fail_abandoned_tunings()
        options["preset"] = options["preset"] or get_active_preset()
        try:
            if options["status"]:
                self._status(options)
            elif options["rollback"]:
                self._print(rollback_tuning(options["preset"]), options)
            else:
                self._tune(options)
        except OmnishelfError as error:
            raise CommandError(str(error)) from error

    def _tune(self, options: dict[str, Any]) -> None:
        queued = create_tuning(
            preset=options["preset"], dry_run=options["dry_run"], from_clicks=options["from_clicks"]
        )
        # The training shows its own progress bar.
        with StageBar(hidden=TuningStage.TRAINING) as bar:
            tuning = run_tuning(queued.pk, bar)
        if tuning is None:
            raise CommandError("a worker runs this tuning; see manage.py tune --status")
        self._print(tuning, options)
        if tuning.state == TuningState.REJECTED:
            raise SystemExit(NOT_BETTER)

    def _status(self, options: dict[str, Any]) -> None:
        tunings = list(Tuning.objects.filter(preset=options["preset"])[:20])
        if options["json"]:
            self.stdout.write(json.dumps([tuning_to_dict(tuning) for tuning in tunings]))
        else:
            print_tunings(tunings, make_console())

    def _print(self, tuning: Tuning, options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(tuning_to_dict(tuning)))
        else:
            print_tuning(tuning, make_console())
