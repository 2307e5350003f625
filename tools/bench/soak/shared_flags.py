"""Flags that all processes of a run share."""

from __future__ import annotations

from multiprocessing.context import SpawnContext


class SharedFlags:
    """The phase of a run: latencies are recorded by phase."""

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
