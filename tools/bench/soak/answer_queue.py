"""Send answers from the searchers to the judge, in batches because sending costs time."""

from __future__ import annotations

import threading
from typing import Any

from tools.bench.soak.oracle import Answer

SEND_BATCH_SIZE = 50


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
