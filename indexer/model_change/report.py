"""Changes of model in the terminal and as JSON."""

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

MAX_LISTED = 20

FIELDS = {
    "preset": "preset",
    "space": "space",
    "former_preset": "previous_preset",
    "former_space": "previous_space",
    "state": "state",
    "stage": "stage",
    "done": "done",
    "total": "total",
    "interrupted": "is_interrupted",
    "dry_run": "dry_run",
    "forced": "forced",
    "set_aside": "failed_count",
    "golden": "golden_source",
    "questions": "query_count",
    "skipped": "skipped_count",
    "before": "before",
    "after": "after",
    "gain": "gain",
    "gain_low": "gain_low",
    "gain_high": "gain_high",
    "overlap": "overlap",
    "error": "error",
    "decision": "decision",
}
"""Name in the JSON output → attribute of the row. Programs read the names, so they stay."""


def change_to_dict(change: ModelChange) -> dict[str, Any]:
    """Return plain values, ready for JSON."""
    seconds = None
    if change.finished_at is not None:
        seconds = (change.finished_at - change.created_at).total_seconds()
    row = {name: getattr(change, attribute) for name, attribute in FIELDS.items()}
    return {"id": change.pk, **row, "seconds": seconds}


def get_model_status() -> dict[str, Any]:
    """Return the preset in use and why, the pending spaces, and the latest changes, for JSON."""
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
        "beside": [pending.fingerprint for pending in pending_spaces()],
        "views": count_live_views(space),
        "changes": [change_to_dict(change) for change in get_latest_changes()],
    }


def get_latest_changes() -> list[ModelChange]:
    """Return the changes to list, newest first."""
    return list(ModelChange.objects.all()[:MAX_LISTED])


def count_live_views(space: str) -> int:
    """Return the number of views in the live generation of a space, 0 without one."""
    live = IndexGeneration.objects.filter(space=space, state=GenerationState.LIVE)
    return live.values_list("views", flat=True).first() or 0


def is_refused(change: ModelChange) -> bool:
    """Return whether the golden set decided against the change."""
    return change.state == ModelChangeState.REFUSED


def print_change(change: ModelChange, console: Console) -> None:
    """Print each metric before and after, and the decision."""
    names = f"{change.previous_preset} → {change.preset}"
    console.print(f"change {change.pk}, {names}: {change.get_state_display()}")
    if change.failed_count:
        console.print(f"{change.failed_count:,} contents failed; see Index jobs in the admin")
    if change.golden_source:
        skipped = f", {change.skipped_count:,} skipped" if change.skipped_count else ""
        source = change.get_golden_source_display()
        console.print(f"compared by {change.query_count:,} queries, {source}{skipped}")
    if change.after:
        console.print(_make_comparison(change))
        console.print(f"of the ten best products both have {change.overlap:.0%} in common")
    for line in filter(None, (change.decision, change.error)):
        console.print(escape(line))


def _make_comparison(change: ModelChange) -> Table:
    table = Table("metric", change.previous_preset, change.preset, "change")
    for name, after in change.after.items():
        digits = 1 if name.endswith(" ms") else 3
        before = change.before[name]
        table.add_row(
            name, f"{before:.{digits}f}", f"{after:.{digits}f}", f"{after - before:+.{digits}f}"
        )
    return table


def print_status(status: dict[str, Any], changes: Iterable[ModelChange], console: Console) -> None:
    """Print what is in use, and one line per change."""
    why = f"change {status['change']}" if status["change"] else "OMNISHELF_PRESET"
    space = f"space {status['space']}, {status['views']:,} views"
    console.print(f"{status['preset']} is in use, by {why}: {space}")
    if status["fault"]:
        console.print(escape(f"it cannot be opened here: {status['fault']}"))
    if status["configured"] != status["preset"]:
        console.print(
            f"OMNISHELF_PRESET is {status['configured']}, which applies when no change is in use"
        )
    table = Table("change", "from", "to", "state", "mAP", "began", "error")
    for change in changes:
        table.add_row(
            str(change.pk),
            change.previous_preset,
            change.preset,
            _describe_state(change),
            "" if change.gain is None else f"{change.gain:+.3f}",
            f"{change.created_at:%Y-%m-%d %H:%M}",
            escape(change.error),
        )
    console.print(table)


def _describe_state(change: ModelChange) -> str:
    if change.is_interrupted:
        return f"interrupted: manage.py space change --to {change.preset} resumes it"
    state = str(change.get_state_display())
    if change.stage:
        return f"{state}: {change.done:,} of {change.total:,} {change.get_stage_display()}"
    return f"{state} (forced)" if change.forced and not change.is_accepted else state
