"""What a process keeps for answering: the encoder of the active space and one reader of its vector index."""

from __future__ import annotations

import functools
import threading
import time

from search.config import engine_settings
from search.encoders.batching import QueryEncoder
from search.encoders.registry import load_encoder, space_of
from search.types import Space
from search.vectors import IndexStatus, VectorIndex, index_root
from webapp.catalog.selectors.views import changes_since


class FreshIndex:
    """A VectorIndex that follows the database: at most `poll_s` seconds behind, refreshed by whoever asks first."""

    def __init__(self, index: VectorIndex, poll_s: float) -> None:
        self._index = index
        self._poll_s = poll_s
        self._lock = threading.Lock()
        self._looked = -float("inf")

    def current(self) -> VectorIndex:
        """The index, brought up to date when its last look is too old. Others never wait for a refresh under way,
        except for the very first one."""
        if time.monotonic() - self._looked >= self._poll_s and self._lock.acquire(blocking=self._looked < 0):
            try:
                self._refresh()
            finally:
                self._lock.release()
        return self._index

    def _refresh(self) -> None:
        started = time.monotonic()
        self._index.swap_if_published()
        changes, seq = changes_since(space=self._index.space, seq=self._index.seq)
        self._index.refresh(changes, seq)
        self._looked = started


@functools.cache
def active_space() -> Space:
    """The space of the configured preset, known without loading a model."""
    return space_of(engine_settings())


@functools.cache
def _fresh_index() -> FreshIndex:
    settings = engine_settings()
    return FreshIndex(VectorIndex(index_root(settings), active_space()), settings.delta_poll_s)


@functools.cache
def query_encoder() -> QueryEncoder:
    """The encoder of this process; loaded at the first query."""
    return QueryEncoder(load_encoder(engine_settings()))


_loading = threading.Lock()


def live_index() -> VectorIndex:
    """This process's reader, up to date."""
    with _loading:
        fresh = _fresh_index()
    return fresh.current()


def index_status() -> IndexStatus:
    """State of this process's reader, brought up to date first."""
    return live_index().status()
