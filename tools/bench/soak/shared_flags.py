"""Signs that all processes of a run can see."""

from __future__ import annotations

from multiprocessing.context import SpawnContext


class Marks:
    """What the run is at, for all of its processes: latencies are kept apart by it."""

    def __init__(self, context: SpawnContext) -> None:
        self.counting, self.rebuilding, self.stopping = (
            context.Event(),
            context.Event(),
            context.Event(),
        )

    @property
    def phase(self) -> str:
        if not self.counting.is_set():
            return "warm-up"
        return "rebuild" if self.rebuilding.is_set() else "steady"
