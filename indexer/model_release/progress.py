"""The progress of a tuning or a change of model: in its row, and as a bar in the terminal."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import Generic, Self, TypeVar

from tqdm import tqdm

from search.errors import Unavailable
from webapp.catalog.models import ModelChange, Tuning
from webapp.leases.leased import LeasedQuerySet

WRITE_INTERVAL_S = 0.5

RUNNING = "running"
"""The state that both kinds of row have while a process works on them."""

Row = TypeVar("Row", Tuning, ModelChange)


def held_row(row: Row) -> LeasedQuerySet[Row]:
    """Return the query that finds the row as long as it runs under the claim of `row`."""
    return type(row).objects.filter(pk=row.pk, state=RUNNING).held(row.claim)


class Progress(Generic[Row]):
    """Writes how far a row is, for the admin, and renews its lease with every write.

    The fields named in `saved` are written together with stage and counts. `held` gives the query
    that finds the row as long as this process works on it.
    """

    def __init__(
        self,
        row: Row,
        lease: datetime.timedelta,
        saved: tuple[str, ...] = (),
        show: Callable[[Row], None] | None = None,
        held: Callable[[Row], LeasedQuerySet[Row]] = held_row,
    ) -> None:
        self.row: Row = row
        self._lease = lease
        self._saved = ("stage", "done", "total", *saved)
        self._show: Callable[[Row], None] | None = show
        self._held: Callable[[Row], LeasedQuerySet[Row]] = held
        self._written = -float("inf")

    def begin(self, stage: str, total: int) -> None:
        """Start a stage of `total` steps. Raises Unavailable when the claim is lost."""
        self.row.stage, self.row.done, self.row.total = stage, 0, total
        self.write()

    def advance(self, count: int = 1) -> None:
        """Count steps of the stage. Raises Unavailable when the claim is lost."""
        self.row.done += count
        if self.is_due:
            self.write()

    @property
    def is_due(self) -> bool:
        """Whether the last write is older than WRITE_INTERVAL_S."""
        return time.monotonic() - self._written > WRITE_INTERVAL_S

    def write(self) -> None:
        """Save stage, counts and the `saved` fields. Raises Unavailable when the claim is lost."""
        values = {name: getattr(self.row, name) for name in self._saved}
        if not self._held(self.row).renew(self._lease, **values):
            raise Unavailable(
                "this run was abandoned in the meantime",
                value=str(self.row),
                fix="Start it again.",
            )
        self._written = time.monotonic()
        if self._show:
            self._show(self.row)


class StageBar:
    """A bar in the terminal for every stage, on standard error; none for the stage `hidden`."""

    def __init__(self, hidden: str = "") -> None:
        self._hidden = hidden
        self._stage = ""
        self._bar = tqdm(disable=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._bar.close()

    def __call__(self, row: Tuning | ModelChange) -> None:
        """Show how far the row is."""
        if row.stage != self._stage:
            self._stage = row.stage
            self._bar.close()
            hidden = True if row.stage == self._hidden else None
            self._bar = tqdm(total=row.total, desc=str(row.get_stage_display()), disable=hidden)
        self._bar.total = row.total
        self._bar.update(row.done - self._bar.n)
