"""`manage.py index build|status|verify|rollback|migrate|plan`: manage index generations.

Exit codes: 0 done, 1 refused or damaged, 2 wrong arguments, 3 no such generation, 75 another build
is running, try again later (EX_TEMPFAIL of sysexits.h).
"""

from __future__ import annotations

import datetime
import json
from typing import Any, get_args

from django.core.management import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat
from django.utils.timesince import timesince
from tqdm import tqdm

from indexer.index.capacity_table import add_plan_arguments, make_plans, print_plans
from indexer.index.compaction import build_generation, sync_generation_rows
from indexer.index.migration import build_migrated, check_migration, plan_migration
from indexer.index.status import get_index_status
from search.config import IndexBackend, engine_settings
from search.errors import BuildInProgress, NoGeneration, OmnishelfError
from search.vectors.backends import open_generations
from search.vectors.manifest import Manifest
from webapp.retrieval.models_runtime import active_space

REFUSED, NOT_FOUND, TRY_LATER = 1, 3, 75


class Command(BaseCommand):
    """Manages index generations."""

    help = "Build, show, verify, roll back or migrate the vector index of the space in use."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser(
            "build", help="build a generation from the stored embeddings and publish it"
        )
        status = actions.add_parser("status", help="show generations, delta and jobs")
        status.add_argument("--json", action="store_true", help="print JSON")
        check = actions.add_parser(
            "verify", help="compare every file of a generation with its checksum"
        )
        check.add_argument(
            "--number", type=int, help="generation to verify (default: the live one)"
        )
        back = actions.add_parser("rollback", help="make an earlier generation live again")
        back.add_argument(
            "--to", type=int, help="generation to go back to (default: the one before the live one)"
        )
        move = actions.add_parser(
            "migrate", help="build the index in another backend; this one serves meanwhile"
        )
        move.add_argument(
            "--to", required=True, choices=get_args(IndexBackend), help="backend to build for"
        )
        move.add_argument(
            "--dry-run",
            action="store_true",
            help="check that it is possible, and say what it would do",
        )
        add_plan_arguments(
            actions.add_parser(
                "plan", help="print index type, memory, machines and cost for several sizes"
            )
        )

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(options)
        except OmnishelfError as error:
            raise CommandError(str(error), returncode=_exit_code(error)) from error

    def _build(self, options: dict[str, Any]) -> None:
        self._print("published", build_generation())

    def _status(self, options: dict[str, Any]) -> None:
        state = get_index_status()
        if options["json"]:
            self.stdout.write(json.dumps(state, indent=2))
            return
        self.stdout.write(f"space {state['space']} ({state['preset']}), clock {state['clock']}")
        self.stdout.write(f"{state['changed']} products changed since the live generation")
        self.stdout.write(
            "jobs: " + ", ".join(f"{count} {name}" for name, count in state["jobs"].items())
        )
        for row in state["generations"]:
            mark = "live" if row["live"] else "kept"
            self.stdout.write(
                f"generation {row['number']} {mark}: {row['fault'] or _size_and_age(row)}"
            )
            for part in row.get("segments", ()):
                self.stdout.write(f"  {_describe_segment(part)}")

    def _plan(self, options: dict[str, Any]) -> None:
        rows = make_plans(options)
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
        else:
            print_plans(rows, options)

    def _verify(self, options: dict[str, Any]) -> None:
        self._print(
            "intact:", open_generations(engine_settings(), active_space()).verify(options["number"])
        )

    def _rollback(self, options: dict[str, Any]) -> None:
        manifest = open_generations(engine_settings(), active_space()).rollback(options["to"])
        sync_generation_rows(space=active_space())
        self._print("live again:", manifest)

    def _migrate(self, options: dict[str, Any]) -> None:
        to: IndexBackend = options["to"]
        plan = plan_migration(to)
        self.stdout.write(
            f"{plan.views} views of space {plan.space.fingerprint}, about "
            f"{filesizeformat(plan.bytes)}, from {plan.source.index_backend} to {to}, "
            f"which holds {plan.held} generations of it"
        )
        if options["dry_run"]:
            return
        with tqdm(total=plan.views, unit="views", desc=f"building in {to}", disable=None) as bar:
            manifest = build_migrated(plan, bar.update)
        self._print(f"{to}:", manifest)
        report = check_migration(plan)
        self.stdout.write(
            f"Both hold the same {report.views} views. For {report.queries} sampled queries, "
            f"{report.agreement:.1%} of the top 10 results score as well as those of "
            f"{plan.source.index_backend}."
        )
        self.stdout.write(
            f"To switch: set OMNISHELF_INDEX_BACKEND={to} for every process and restart them."
        )
        self.stdout.write(
            f"To return: manage.py index migrate --to {plan.source.index_backend}, then set "
            f"OMNISHELF_INDEX_BACKEND={plan.source.index_backend} and restart."
        )

    def _print(self, what: str, manifest: Manifest) -> None:
        self.stdout.write(
            f"{what} generation {manifest.number}: {manifest.views} views, clock {manifest.seq}"
        )


def _size_and_age(row: dict[str, Any]) -> str:
    age = timesince(datetime.datetime.fromisoformat(row["created_at"]))
    return f"{row['views']} views, {age} old"


def _describe_segment(part: dict[str, Any]) -> str:
    recall = (
        ", ".join(f"{modality} {value:.3f}" for modality, value in part["recall"].items())
        or "exact"
    )
    size = filesizeformat(part["bytes"]).replace("\xa0", " ")
    shape = f"{part['modality']}: {part['shape']}, {part['views']} views, {size}"
    return f"{shape}, recall@10 of queries {recall}, drift {part['drift']:.1%} ({part['why']})"


def _exit_code(error: OmnishelfError) -> int:
    if isinstance(error, BuildInProgress):
        return TRY_LATER
    return NOT_FOUND if isinstance(error, NoGeneration) else REFUSED
