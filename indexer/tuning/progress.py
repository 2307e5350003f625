"""What a tuning writes of itself while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from indexer.progress import Progress
from webapp.catalog.models import Tuning

Show = Callable[[Tuning], None]

TuningProgress: TypeAlias = Progress[Tuning]

SAVED = (
    "pairs", "groups", "held_out", "decoded", "before", "after", "gain", "gain_low", "gain_high", "heads_digest",
    "space",
)  # fmt: skip


def make_tuning_progress(tuning: Tuning, show: Show | None) -> TuningProgress:
    """The progress of a tuning that this process runs."""
    return Progress(tuning, SAVED, show)
