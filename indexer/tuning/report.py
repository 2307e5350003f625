"""A tuning in the terminal and for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from webapp.catalog.models import Tuning

FIELDS = (
    "preset", "state", "dry_run", "from_clicks", "pairs", "groups", "held_out", "decoded", "before", "after", "gain",
    "gain_low", "gain_high", "heads_digest", "space", "error",
)  # fmt: skip


def as_dict(tuning: Tuning) -> dict[str, Any]:
    """Plain values, ready for JSON."""
    seconds = (
        (tuning.finished_at - tuning.created_at).total_seconds() if tuning.finished_at else None
    )
    row = {name: getattr(tuning, name) for name in FIELDS}
    return {"id": tuning.pk, **row, "decision": tuning.decision, "seconds": seconds}


def print_tuning(tuning: Tuning, console: Console) -> None:
    """Before and after, by kind of question and metric, and what came of it."""
    console.print(
        f"tuning {tuning.pk} of {escape(tuning.preset)}: {tuning.get_state_display()}; {tuning.pairs:,} pictures in "
        f"{tuning.groups:,} groups, {tuning.held_out:,} held out; {tuning.decoded:,} pictures had to be decoded"
    )
    if tuning.after:
        table = Table("question", "metric", "before", "after", "change")
        for kind, metrics in tuning.after.items():
            for place, (name, value) in enumerate(metrics.items()):
                former = tuning.before[kind][name]
                table.add_row(
                    "" if place else kind,
                    name,
                    f"{former:.3f}",
                    f"{value:.3f}",
                    f"{value - former:+.3f}",
                )
        console.print(table)
    for line in filter(None, (tuning.decision, tuning.error)):
        console.print(escape(line))


def print_tunings(tunings: Iterable[Tuning], console: Console) -> None:
    """One line each."""
    table = Table("tuning", "state", "pictures", "gain in mean mAP", "began", "error")
    for tuning in tunings:
        gain = "" if tuning.gain is None else f"{tuning.gain:+.3f}"
        began = f"{tuning.created_at:%Y-%m-%d %H:%M}"
        state = str(tuning.get_state_display()) + (" (dry run)" if tuning.dry_run else "")
        table.add_row(str(tuning.pk), state, f"{tuning.pairs:,}", gain, began, escape(tuning.error))
    console.print(table)
