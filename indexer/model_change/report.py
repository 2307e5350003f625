"""Changes of model in the terminal and for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from search.config import engine_settings
from search.errors import OmnishelfError
from webapp.catalog.models import GenerationState, IndexGeneration, ModelChange, ModelChangeState
from webapp.catalog.selectors.spaces import (
    get_active_heads,
    get_active_preset,
    get_live_change,
    pending_spaces,
)
from webapp.retrieval.models_runtime import active_space

LISTED = 20
FIELDS = {
    "preset": "preset", "space": "space", "former_preset": "previous_preset", "former_space": "previous_space",
    "state": "state", "stage": "stage", "done": "done", "total": "total", "interrupted": "is_interrupted",
    "dry_run": "dry_run", "forced": "forced", "set_aside": "failed_count", "golden": "golden_source",
    "questions": "query_count", "skipped": "skipped_count", "before": "before", "after": "after", "gain": "gain",
    "gain_low": "gain_low", "gain_high": "gain_high", "overlap": "overlap", "error": "error", "decision": "decision",
}  # fmt: skip
"""Name in the JSON output → attribute of the row. The names in the output do not change."""


def as_dict(change: ModelChange) -> dict[str, Any]:
    """Return plain values, ready for JSON."""
    seconds = None
    if change.finished_at is not None:
        seconds = (change.finished_at - change.created_at).total_seconds()
    row = {name: getattr(change, attribute) for name, attribute in FIELDS.items()}
    return {"id": change.pk, **row, "seconds": seconds}


def get_model_status() -> dict[str, Any]:
    """Which preset is in use and why, what is made beside it, and the latest changes."""
    live, fault = get_live_change(), ""
    space = get_active_heads(live.base)[1] if live else ""
    try:
        space = active_space().fingerprint
    except OmnishelfError as error:
        fault = str(error)
    return {
        "preset": get_active_preset(),
        "space": space,
        "fault": fault,
        "configured": engine_settings().preset,
        "change": live.pk if live else None,
        "beside": [beside.fingerprint for beside in pending_spaces()],
        "views": live_views(space),
        "changes": [as_dict(change) for change in ModelChange.objects.all()[:LISTED]],
    }


def live_views(space: str) -> int:
    """How many views the live generation of a space holds; 0 without one."""
    live = IndexGeneration.objects.filter(space=space, state=GenerationState.LIVE)
    return live.values_list("views", flat=True).first() or 0


def print_change(change: ModelChange, console: Console) -> None:
    """Before and after by metric, and what came of it."""
    console.print(
        f"change {change.pk}, {change.previous_preset} → {change.preset}: {change.get_state_display()}"
    )
    if change.failed_count:
        console.print(
            f"{change.failed_count:,} contents could not be encoded; see Index jobs in the admin"
        )
    if change.golden_source:
        left_out = f", {change.skipped_count:,} left out" if change.skipped_count else ""
        console.print(
            f"asked: {change.query_count:,} questions, {change.get_golden_source_display()}{left_out}"
        )
    if change.after:
        table = Table("metric", change.previous_preset, change.preset, "change")
        for name, value in change.after.items():
            digits = 1 if name.endswith(" ms") else 3
            former = change.before[name]
            table.add_row(
                name, f"{former:.{digits}f}", f"{value:.{digits}f}", f"{value - former:+.{digits}f}"
            )
        console.print(table)
        console.print(f"of the ten best products both have {change.overlap:.0%} in common")
    for line in filter(None, (change.decision, change.error)):
        console.print(escape(line))


def print_state(state: dict[str, Any], changes: Iterable[ModelChange], console: Console) -> None:
    """What is in use, and one line for each change."""
    why = f"change {state['change']}" if state["change"] else "OMNISHELF_PRESET"
    console.print(
        f"{state['preset']} is in use, by {why}: space {state['space']}, {state['views']:,} views"
    )
    if state["fault"]:
        console.print(escape(f"it cannot be opened here: {state['fault']}"))
    if state["configured"] != state["preset"]:
        console.print(
            f"OMNISHELF_PRESET is {state['configured']}, which applies when no change is in use"
        )
    table = Table("change", "from", "to", "state", "mAP", "began", "error")
    for change in changes:
        table.add_row(
            str(change.pk),
            change.previous_preset,
            change.preset,
            _shown_state(change),
            "" if change.gain is None else f"{change.gain:+.3f}",
            f"{change.created_at:%Y-%m-%d %H:%M}",
            escape(change.error),
        )
    console.print(table)


def _shown_state(change: ModelChange) -> str:
    if change.is_interrupted:
        return f"interrupted: manage.py space change --to {change.preset} goes on"
    if change.stage:
        return f"{change.get_state_display()}: {change.done:,} of {change.total:,} {change.get_stage_display()}"
    return str(change.get_state_display()) + (
        " (forced)" if change.forced and not change.is_accepted else ""
    )


def latest() -> list[ModelChange]:
    """The changes that are listed, newest first."""
    return list(ModelChange.objects.all()[:LISTED])


def refused(change: ModelChange) -> bool:
    return change.state == ModelChangeState.REFUSED
