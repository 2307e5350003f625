"""Tunings in the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from indexer.tuning.run import SAVED
from webapp.catalog.models import Tuning

FIELDS = ("preset", "state", "dry_run", "from_clicks", *SAVED, "error", "decision")


def tuning_to_dict(tuning: Tuning) -> dict[str, Any]:
    """Return plain values, ready for JSON."""
    seconds = None
    if tuning.finished_at is not None:
        seconds = (tuning.finished_at - tuning.created_at).total_seconds()
    return {"id": tuning.pk, **{name: getattr(tuning, name) for name in FIELDS}, "seconds": seconds}


def print_tuning(tuning: Tuning, console: Console) -> None:
    """Print each metric before and after, by kind of query, and the decision."""
    name = f"tuning {tuning.pk} of {escape(tuning.preset)}"
    console.print(
        f"{name}: {tuning.get_state_display()}; {tuning.pairs:,} pictures in "
        f"{tuning.groups:,} groups, {tuning.held_out:,} held out; "
        f"{tuning.decoded:,} pictures were decoded for it"
    )
    if tuning.after:
        console.print(_make_comparison(tuning))
    for line in filter(None, (tuning.decision, tuning.error)):
        console.print(escape(line))


def _make_comparison(tuning: Tuning) -> Table:
    table = Table("query", "metric", "before", "after", "change")
    for kind, metrics in tuning.after.items():
        for place, (name, after) in enumerate(metrics.items()):
            before = tuning.before[kind][name]
            table.add_row(
                "" if place else kind,
                name,
                f"{before:.3f}",
                f"{after:.3f}",
                f"{after - before:+.3f}",
            )
    return table


def print_tunings(tunings: Iterable[Tuning], console: Console) -> None:
    """Print one line per tuning."""
    table = Table("tuning", "state", "pictures", "gain in mean mAP", "began", "error")
    for tuning in tunings:
        gain = "" if tuning.gain is None else f"{tuning.gain:+.3f}"
        began = f"{tuning.created_at:%Y-%m-%d %H:%M}"
        state = str(tuning.get_state_display()) + (" (dry run)" if tuning.dry_run else "")
        table.add_row(str(tuning.pk), state, f"{tuning.pairs:,}", gain, began, escape(tuning.error))
    console.print(table)
