"""`manage.py index build|status|verify|rollback|migrate|plan`: look after published generations.

Exit codes: 0 done · 1 refused or damaged · 2 wrong arguments · 3 there is no such generation ·
75 another build is running, try again later (EX_TEMPFAIL of sysexits.h).
"""

from __future__ import annotations

import datetime
import json
from typing import Any, get_args

from django.core.management import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat
from django.utils.timesince import timesince
from tqdm import tqdm

from indexer.index.capacity_table import add_plan_arguments, plans, print_plans
from indexer.index.compaction import build_generation, sync_generation_rows
from indexer.index.migration import migration_build, migration_check, migration_plan
from indexer.index.status import get_index_status
from search.config import IndexBackend, engine_settings
from search.errors import BuildInProgress, NoGeneration, OmnishelfError
from search.vectors.backends import open_generations
from search.vectors.manifest import Manifest
from webapp.retrieval.models_runtime import active_space

REFUSED, NOTHING_THERE, TRY_LATER = 1, 3, 75


class Command(BaseCommand):
    help = "Build, show, verify or roll back the vector index of the active encoder."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser(
            "build", help="build a generation from the stored embeddings and publish it"
        )
        status = actions.add_parser("status", help="show generations, delta and jobs")
        status.add_argument("--json", action="store_true", help="for programs")
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
            "migrate", help="build the other backend's index while search goes on in this one"
        )
        move.add_argument(
            "--to", required=True, choices=get_args(IndexBackend), help="backend to build for"
        )
        move.add_argument(
            "--dry-run",
            action="store_true",
            help="say what would be done, and look whether it can be",
        )
        add_plan_arguments(
            actions.add_parser(
                "plan", help="shape, memory, machines and cost of indexes of any size"
            )
        )

    def handle(self, *args: Any, action: str, **options: Any) -> None:
        try:
            getattr(self, f"_{action}")(options)
        except OmnishelfError as error:
            raise CommandError(str(error), returncode=_exit_code(error)) from error

    def _build(self, options: dict[str, Any]) -> None:
        self._say("published", build_generation())

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
                self.stdout.write(f"  {_segment(part)}")

    def _plan(self, options: dict[str, Any]) -> None:
        rows = plans(options)
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2))
        else:
            print_plans(rows, options)

    def _verify(self, options: dict[str, Any]) -> None:
        self._say(
            "intact:", open_generations(engine_settings(), active_space()).verify(options["number"])
        )

    def _rollback(self, options: dict[str, Any]) -> None:
        manifest = open_generations(engine_settings(), active_space()).rollback(options["to"])
        sync_generation_rows(space=active_space())
        self._say("live again:", manifest)

    def _migrate(self, options: dict[str, Any]) -> None:
        to: IndexBackend = options["to"]
        plan = migration_plan(to)
        self.stdout.write(
            f"{plan.views} views of space {plan.space.fingerprint}, about {filesizeformat(plan.bytes)}, "
            f"from {plan.source.index_backend} to {to}, which holds {plan.held} generations of it"
        )
        if options["dry_run"]:
            return
        with tqdm(total=plan.views, unit="views", desc=f"building in {to}", disable=None) as bar:
            manifest = migration_build(plan, bar.update)
        self._say(f"{to}:", manifest)
        report = migration_check(plan)
        self.stdout.write(
            f"the same {report.views} views in both; of the best 10 answers to {report.queries} sampled queries, "
            f"{report.agreement:.1%} are as good as those of {plan.source.index_backend}"
        )
        self.stdout.write(
            f"Switch now: set OMNISHELF_INDEX_BACKEND={to} for every process and restart them."
        )
        self.stdout.write(
            f"Back: manage.py index migrate --to {plan.source.index_backend}, then set "
            f"OMNISHELF_INDEX_BACKEND={plan.source.index_backend} and restart."
        )

    def _say(self, what: str, manifest: Manifest) -> None:
        self.stdout.write(
            f"{what} generation {manifest.number}: {manifest.views} views, clock {manifest.seq}"
        )


def _size_and_age(row: dict[str, Any]) -> str:
    age = timesince(datetime.datetime.fromisoformat(row["created_at"]))
    return f"{row['views']} views, {age} old"


def _segment(part: dict[str, Any]) -> str:
    recall = ", ".join(f"{asked} {value:.3f}" for asked, value in part["recall"].items()) or "exact"
    size = filesizeformat(part["bytes"]).replace("\xa0", " ")
    shape = f"{part['modality']}: {part['shape']}, {part['views']} views, {size}"
    return f"{shape}, recall@10 of queries {recall}, drift {part['drift']:.1%} ({part['why']})"


def _exit_code(error: OmnishelfError) -> int:
    if isinstance(error, BuildInProgress):
        return TRY_LATER
    return NOTHING_THERE if isinstance(error, NoGeneration) else REFUSED
