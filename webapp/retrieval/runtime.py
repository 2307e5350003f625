"""What a process keeps for answering: encoder and index of the space in use, which follow the database."""

from __future__ import annotations

import functools
import gc
import logging
import threading
import time
from dataclasses import replace
from pathlib import Path

from django.db import DatabaseError, connections

from search.config import engine_settings
from search.encoders.base import TunableEncoder
from search.encoders.batching import QueryEncoder
from search.encoders.presets import tuned_space
from search.encoders.registry import load_encoder, space_of
from search.errors import OmnishelfError
from search.types import Space
from search.vectors import IndexStatus, VectorIndex, index_root
from webapp.catalog.selectors.tunings import live_heads_digest
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


class Serving:
    """Encoder and index of one space, each made when it is first asked for. A request asks one Serving for both, so
    that it never searches an index of another space than its question was embedded in."""

    def __init__(self, heads_digest: str) -> None:
        self.heads_digest = heads_digest
        self.space = tuned_space(own_space(), heads_digest)
        self._loading, self._opening = threading.RLock(), threading.Lock()
        self._encoder: TunableEncoder | None = None
        self._queries: QueryEncoder | None = None
        self._index: FreshIndex | None = None

    def encoder(self) -> TunableEncoder:
        """For contents. Raises EncoderError."""
        with self._loading:
            if self._encoder is None:
                own = own_encoder()
                self._encoder = own.with_heads(heads_path(self.heads_digest)) if self.heads_digest else own
            return self._encoder

    def query_encoder(self) -> QueryEncoder:
        """For questions; the same towers. Raises EncoderError."""
        with self._loading:
            if self._queries is None:
                self._queries = QueryEncoder(self.encoder())
            return self._queries

    def index(self) -> VectorIndex:
        """This process's reader, up to date."""
        with self._opening:
            if self._index is None:
                settings = engine_settings()
                self._index = FreshIndex(VectorIndex(index_root(settings), self.space), settings.delta_poll_s)
            fresh = self._index
        return fresh.current()

    def prepare_like(self, other: Serving) -> None:
        """Make now what the other has made, so that nobody waits for it later."""
        if other._encoder is not None:
            self.encoder()
        if other._queries is not None:
            self.query_encoder()
        if other._index is not None:
            self.index()


class Following:
    """The Serving of the tuning that the database calls live, looked up at most every `delta_poll_s` seconds.

    The next one is prepared beside the current one, which keeps answering; requests that hold it finish with it.
    """

    def __init__(self) -> None:
        self.fault: str | None = None
        self._serving: Serving | None = None
        self._lock = threading.Lock()
        self._looked = -float("inf")

    def current(self) -> Serving:
        """Raises what opening the space raises when there is no former one to go on with."""
        serving = self._serving
        due = time.monotonic() - self._looked >= engine_settings().delta_poll_s
        if (serving is None or due) and self._lock.acquire(blocking=serving is None):
            try:
                started = time.monotonic()
                serving = self._serving = self._followed(self._serving)
                self._looked = started
            finally:
                self._lock.release()
        return serving

    def _followed(self, former: Serving | None) -> Serving:
        digest = live_heads_digest(base=own_space().fingerprint)
        if former is not None and former.heads_digest == digest:
            self.fault = None
            return former
        serving = Serving(digest)
        if former is None:
            return serving
        try:
            serving.prepare_like(former)
        except OmnishelfError as error:
            # Answers of the former space are better than none; the probe and the admin tell.
            logger.error("the tuned heads cannot be used, the former space serves on: %s", error)
            self.fault = str(error)
            return former
        self.fault = None
        return serving


_following = Following()
_loading = threading.Lock()
"""Two first callers would load everything twice."""


@functools.cache
def own_space() -> Space:
    """The space of the configured preset under its own heads, known without loading a model."""
    return space_of(engine_settings())


@functools.cache
def _loaded_encoder() -> TunableEncoder:
    return load_encoder(engine_settings())


def own_encoder() -> TunableEncoder:
    """The configured preset under its own heads; loaded once. Raises EncoderError."""
    with _loading:
        return _loaded_encoder()


def heads_folder() -> Path:
    """Where tuned heads lie, each file named by its checksum; shared by all processes, like the index."""
    return engine_settings().var_dir / "heads"


def heads_path(digest: str) -> Path:
    """The file of tuned heads with this checksum."""
    return heads_folder() / f"{digest}.safetensors"


def serving() -> Serving:
    """What to answer one request with: hold on to it until the request is done."""
    return _following.current()


def active_space() -> Space:
    """The space in use: the configured preset's, under the tuned heads that are live. Loads no model."""
    return serving().space


def query_encoder() -> QueryEncoder:
    """The encoder of this process; loaded at the first query. Raises EncoderError."""
    return serving().query_encoder()


def live_index() -> VectorIndex:
    """This process's reader, up to date."""
    return serving().index()


def warm_up() -> None:
    """Load the encoder in the background. A fault is logged here and raised again to the first query."""
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()


def _warm_up() -> None:
    try:
        query_encoder().embed_text("warm-up")
        # The model's hundreds of thousands of objects stay; a collector that visits them stops a request for 0.2 s.
        gc.collect()
        gc.freeze()
    except (OmnishelfError, DatabaseError) as error:
        logger.error("the encoder cannot be loaded: %s", error)
    finally:
        connections.close_all()


def index_status() -> IndexStatus:
    """State of this process's reader, brought up to date first."""
    status = live_index().status()
    return replace(status, fault=status.fault or _following.fault)
