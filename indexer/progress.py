"""How far a long piece of work is: written to its row now and then, for the admin, and as a sign
of life.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from search.errors import Unavailable
from webapp.catalog.models import ModelChange, Tuning
from webapp.leases.leased import LeasedQuerySet

WRITE_INTERVAL_S = 0.5
LEASE = datetime.timedelta(minutes=30)
"""On the same host a dead process is known at once; of another host only silence says it."""

Row = TypeVar("Row", Tuning, ModelChange)

RUNNING = "running"
"""The state that both kinds of row have while a process works on them."""


def held_by_this_process(row: Row) -> LeasedQuerySet[Row]:
    """The row, as long as it runs and this process runs it."""
    return type(row).objects.filter(pk=row.pk, state=RUNNING).held(row.claim)


class Progress(Generic[Row]):
    """The row of one tuning or change of model. What is set on the row's `saved` fields is
    written with the next `begin`, as long as the row is among those that `held` gives.
    """

    def __init__(
        self,
        row: Row,
        saved: tuple[str, ...] = (),
        show: Callable[[Row], None] | None = None,
        held: Callable[[Row], LeasedQuerySet[Row]] = held_by_this_process,
        lease: datetime.timedelta = LEASE,
    ) -> None:
        self.row = row
        self._held = held
        self._lease = lease
        self._saved = ("stage", "done", "total", *saved)
        self._show = show
        self._written = -float("inf")

    def begin(self, stage: str, total: int) -> None:
        """Raises Unavailable when the row is not this process's any more."""
        self.row.stage, self.row.done, self.row.total = stage, 0, total
        self.write()

    def advance(self, count: int = 1) -> None:
        """Raises Unavailable when the row is not this process's any more."""
        self.row.done += count
        if self.due:
            self.write()

    @property
    def due(self) -> bool:
        """Was the row last written long enough ago?"""
        return time.monotonic() - self._written > WRITE_INTERVAL_S

    def write(self) -> None:
        """Save everything but state and owner."""
        values = {name: getattr(self.row, name) for name in self._saved}
        if not self._held(self.row).renew(self._lease, **values):
            raise Unavailable(
                "this work was given up while it ran", value=str(self.row), fix="Start it again."
            )
        self._written = time.monotonic()
        if self._show:
            self._show(self.row)
