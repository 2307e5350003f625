"""How far a tuning has come, written to its row now and then: for the admin, and as a sign of life."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable

from django.db.models import QuerySet
from django.utils import timezone

from indexer.identity import this_process
from search.errors import Unavailable
from webapp.catalog.models import Tuning, TuningStage, TuningState

WRITE_EVERY_S = 0.5
LEASE = datetime.timedelta(minutes=30)
"""On the same host a dead process is known at once; of another host only silence says it."""

Show = Callable[[Tuning], None]


class Progress:
    """The running row of one tuning. What is set on the row is written with the next `begin`."""

    def __init__(self, tuning: Tuning, show: Show | None = None) -> None:
        self.tuning = tuning
        self._show = show
        self._written = -float("inf")

    def begin(self, stage: TuningStage, total: int) -> None:
        """Raises Unavailable when the row is not this process's any more."""
        self.tuning.stage, self.tuning.done, self.tuning.total = stage, 0, total
        self.write()

    def advance(self, count: int = 1) -> None:
        """Raises Unavailable when the row is not this process's any more."""
        self.tuning.done += count
        if time.monotonic() - self._written > WRITE_EVERY_S:
            self.write()

    def write(self) -> None:
        """Save everything but state and owner."""
        self.tuning.lease_until = timezone.now() + LEASE
        row = {name: getattr(self.tuning, name) for name in SAVED}
        if not running_here(self.tuning).update(**row):
            raise Unavailable("this tuning was given up while it ran", value=self.tuning.pk, fix="Tune again.")
        self._written = time.monotonic()
        if self._show:
            self._show(self.tuning)


SAVED = (
    "stage", "done", "total", "pairs", "groups", "held_out", "decoded", "before", "after", "gain", "gain_low",
    "gain_high", "heads_digest", "space", "lease_until",
)  # fmt: skip


def running_here(tuning: Tuning) -> QuerySet[Tuning]:
    """The row, as long as it runs and this process runs it."""
    return Tuning.objects.filter(pk=tuning.pk, state=TuningState.RUNNING, claimed_by=this_process())
