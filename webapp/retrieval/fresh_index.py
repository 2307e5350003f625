"""An index reader that follows the database."""

from __future__ import annotations

import logging
import threading
import time

from search.vectors.contract import IndexReader
from webapp.catalog.selectors.embeddings import get_changes_since
from webapp.celery import REPAIR_INDEX, notify_worker

logger = logging.getLogger(__name__)


class FreshIndex:
    """A reader that follows the database: at most `poll_s` seconds behind, refreshed by whoever
    asks first.
    """

    def __init__(self, index: IndexReader, poll_s: float) -> None:
        self._index = index
        self._poll_s = poll_s
        self._lock = threading.Lock()
        self._looked = -float("inf")
        self._fault: str | None = None

    def current(self) -> IndexReader:
        """The index, brought up to date when its last look is too old. Others never wait for a
        refresh under way, except for the very first one.
        """
        if time.monotonic() - self._looked >= self._poll_s and self._lock.acquire(
            blocking=self._looked < 0
        ):
            try:
                self._refresh()
            finally:
                self._lock.release()
        return self._index

    def _refresh(self) -> None:
        started = time.monotonic()
        self._index.swap_if_published()
        changes, seq = get_changes_since(space=self._index.space, seq=self._index.seq)
        self._index.refresh(changes, seq)
        self._tell_of_damage()
        self._looked = started

    def _tell_of_damage(self) -> None:
        fault = self._index.status().fault
        if fault and fault != self._fault:
            logger.error("the live generation cannot be used, another is asked for: %s", fault)
            notify_worker(REPAIR_INDEX)
        self._fault = fault
