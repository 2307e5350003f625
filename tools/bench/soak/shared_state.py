"""State that the processes of a run share: flags, and the queue of answers."""

from __future__ import annotations

import threading
from multiprocessing.context import SpawnContext
from typing import Any

from tools.bench.soak.oracle import Answer

SEND_BATCH_SIZE = 50
"""Answers are sent in batches, because sending costs time."""


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


class AnswerQueue:
    """Batches answers for a queue between processes. Any thread may put."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self._lock = threading.Lock()
        self._answers: list[Answer] = []

    def put(self, answer: Answer) -> None:
        with self._lock:
            self._answers.append(answer)
            full = len(self._answers) >= SEND_BATCH_SIZE
            sent, self._answers = (self._answers, []) if full else ([], self._answers)
        if sent:
            self._queue.put(sent)

    def end(self) -> None:
        """Send the rest, and None to mark the end."""
        self._queue.put(self._answers)
        self._queue.put(None)
