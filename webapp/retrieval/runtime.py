"""What a process keeps for answering: the encoder of the active space and one reader of its vector index."""

from __future__ import annotations

import functools
import gc
import logging
import threading
import time

from search.config import engine_settings
from search.encoders.batching import QueryEncoder
from search.encoders.registry import load_encoder, space_of
from search.errors import OmnishelfError
from search.types import Space
from search.vectors import IndexStatus, VectorIndex, index_root
from webapp.catalog.selectors.views import changes_since

logger = logging.getLogger(__name__)


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
def _loaded_encoder() -> QueryEncoder:
    return QueryEncoder(load_encoder(engine_settings()))


_loading, _opening = threading.Lock(), threading.Lock()
"""Two first callers would load, or open, everything twice."""


def query_encoder() -> QueryEncoder:
    """The encoder of this process; loaded at the first query. Raises EncoderError."""
    with _loading:
        return _loaded_encoder()


def live_index() -> VectorIndex:
    """This process's reader, up to date."""
    with _opening:
        fresh = _fresh_index()
    return fresh.current()


def warm_up() -> None:
    """Load the encoder in the background. A fault is logged here and raised again to the first query."""
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()


def _warm_up() -> None:
    try:
        query_encoder().embed_text("warm-up")
        # The model's hundreds of thousands of objects stay; a collector that visits them stops a request for 0.2 s.
        gc.collect()
        gc.freeze()
    except OmnishelfError as error:
        logger.error("the encoder cannot be loaded: %s", error)


def index_status() -> IndexStatus:
    """State of this process's reader, brought up to date first."""
    return live_index().status()
