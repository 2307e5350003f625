"""Answers on their way from the searchers to the judge, a handful at a time so that sending
costs little.
"""

from __future__ import annotations

import threading
from typing import Any

from tools.bench.soak.oracle import Answer

TOGETHER = 50


class Telling:
    """Any thread may tell."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self._lock = threading.Lock()
        self._answers: list[Answer] = []

    def tell(self, answer: Answer) -> None:
        with self._lock:
            self._answers.append(answer)
            full = len(self._answers) >= TOGETHER
            sent, self._answers = (self._answers, []) if full else ([], self._answers)
        if sent:
            self._queue.put(sent)

    def end(self) -> None:
        """Send the rest, and that it was the last."""
        self._queue.put(self._answers)
        self._queue.put(None)
