"""What a process keeps for answering: encoder and index of the space in use, which follow the
database.
"""

from __future__ import annotations

import functools
import gc
import logging
import threading
import time
import weakref
from dataclasses import replace
from pathlib import Path
from typing import cast

from django.db import DatabaseError, connections
from PIL import Image

from search.config import EngineSettings, engine_settings
from search.encoders.presets import tuned_space
from search.encoders.protocol import TunableEncoder
from search.encoders.query_encoder import QueryEncoder
from search.encoders.registry import load_encoder, space_of
from search.errors import OmnishelfError
from search.types import Space
from search.vectors.backends import open_index
from search.vectors.contract import IndexReader
from search.vectors.status import IndexStatus
from webapp.catalog.selectors.embeddings import get_changes_since
from webapp.catalog.selectors.spaces import get_active_preset
from webapp.catalog.selectors.tunings import get_active_heads_digest
from webapp.celery import REPAIR_INDEX, notify_worker

logger = logging.getLogger(__name__)

RETRY_S = 30.0
"""How long a model that could not be loaded is left alone."""


class IndexWatcher:
    """An index reader that follows the database, at most `poll_s` seconds behind.

    The first caller after that time refreshes it; there is no thread of its own.
    """

    def __init__(self, index: IndexReader, poll_s: float) -> None:
        self._index = index
        self._poll_s = poll_s
        self._lock = threading.Lock()
        self._refreshed_at = -float("inf")
        self._fault: str | None = None

    def current(self) -> IndexReader:
        """Return the reader, refreshed when its last refresh is too old.

        Callers wait for a refresh by another thread only when it is the very first one.
        """
        if time.monotonic() - self._refreshed_at >= self._poll_s and self._lock.acquire(
            blocking=self._refreshed_at < 0
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
        self._report_damage()
        self._refreshed_at = started

    def _report_damage(self) -> None:
        fault = self._index.status().fault
        if fault and fault != self._fault:
            logger.error("the live generation is damaged, a repair is requested: %s", fault)
            notify_worker(REPAIR_INDEX)
        self._fault = fault


class ActiveModel:
    """Encoder and index of one space, each made when it is first asked for. A request asks one
    ActiveModel for both, so that it never searches an index of another space than its question was
    embedded in.

    Raises UnknownPreset, WeightsMissing and InvalidWeights when the preset's space cannot be told.
    """

    def __init__(self, preset: str, heads_digest: str = "") -> None:
        self.preset = preset
        self.heads_digest = heads_digest
        self.space = tuned_space(base_space(preset), heads_digest)
        self._loading, self._opening = threading.RLock(), threading.Lock()
        self._own: TunableEncoder | None = None
        self._encoder: TunableEncoder | None = None
        self._queries: QueryEncoder | None = None
        self._index: IndexWatcher | None = None

    @property
    def loaded(self) -> bool:
        """Does it hold a model?"""
        return self._encoder is not None

    def encoder(self) -> TunableEncoder:
        """For contents. Raises EncoderError."""
        with self._loading:
            if self._encoder is None:
                # Held, so that other heads over the same towers need not load them again.
                self._own = base_encoder(self.preset)
                self._encoder = (
                    self._own.with_heads(heads_path(self.heads_digest))
                    if self.heads_digest
                    else self._own
                )
            return self._encoder

    def query_encoder(self) -> QueryEncoder:
        """For questions; the same towers. Raises EncoderError."""
        with self._loading:
            if self._queries is None:
                self._queries = QueryEncoder(self.encoder())
            return self._queries

    def index(self) -> IndexReader:
        """This process's reader, up to date."""
        with self._opening:
            if self._index is None:
                settings = engine_settings()
                self._index = IndexWatcher(open_index(settings, self.space), settings.delta_poll_s)
            fresh = self._index
        return fresh.current()

    def prepare_like(self, other: ActiveModel) -> None:
        """Make now what the other has made, so that nobody waits for it later. Raises
        EncoderError.
        """
        if other._encoder is not None:
            self.encoder()
        if other._queries is not None:
            self._warm(self.query_encoder(), pictures=other._queries.used_picture_tower)
        if other._index is not None:
            self.index()

    def _warm(self, queries: QueryEncoder, *, pictures: bool) -> None:
        """A tower is loaded, and tested, by its first use."""
        queries.embed_text("warm-up")
        if pictures:
            queries.embed_picture(Image.new("RGB", (queries.decode_size, queries.decode_size)))


class ActiveModelWatcher:
    """The ActiveModel of the model and the heads that the database calls live, looked up at most
    every `delta_poll_s`.

    The next one is prepared beside the current one, which keeps answering; requests that hold it
    finish with it. Other heads are prepared by whoever looks; another model takes seconds to
    load, and a thread of its own.
    """

    def __init__(self) -> None:
        self.fault: str | None = None
        self._model: ActiveModel | None = None
        self._lock = threading.Lock()
        self._looked = -float("inf")
        self._preparing: threading.Thread | None = None
        self._refused_at = -float("inf")

    @property
    def space(self) -> Space | None:
        return self._model.space if self._model else None

    def current(self) -> ActiveModel:
        """Raises what opening the space raises when there is no former one to go on with."""
        due = time.monotonic() - self._looked >= engine_settings().delta_poll_s
        if (self._model is None or due) and self._lock.acquire(blocking=self._model is None):
            try:
                started = time.monotonic()
                self._look()
                self._looked = started
            finally:
                self._lock.release()
        return cast("ActiveModel", self._model)

    def wait_until_current(self) -> ActiveModel:
        """The same, after whatever is being prepared."""
        self.current()
        with self._lock:
            preparing = self._preparing
        if preparing is not None:
            preparing.join()
        return self.current()

    def _look(self) -> None:
        former, preset = self._model, get_active_preset()
        if former is None:
            self._model = ActiveModel(preset, active_heads(preset))
        elif preset == former.preset or not former.loaded:
            self._follow(former)
        elif not self._busy():
            self._preparing = threading.Thread(
                target=self._follow_beside, args=(former,), name="model", daemon=True
            )
            self._preparing.start()

    def _busy(self) -> bool:
        refused = time.monotonic() - self._refused_at < RETRY_S
        return refused or (self._preparing is not None and self._preparing.is_alive())

    def _follow(self, former: ActiveModel) -> None:
        try:
            preset = get_active_preset()
            digest = active_heads(preset)
            if (preset, digest) != (former.preset, former.heads_digest):
                model = ActiveModel(preset, digest)
                model.prepare_like(former)
                self._model = model
        except OmnishelfError as error:
            # Answers of the former space are better than none; the probe and the admin tell.
            logger.error("the space in use cannot be opened, the former one serves on: %s", error)
            self.fault = str(error)
            return
        self.fault = None

    def _follow_beside(self, former: ActiveModel) -> None:
        try:
            self._follow(former)
            self._refused_at = time.monotonic() if self.fault else -float("inf")
        except DatabaseError as error:
            logger.error("the space in use cannot be opened for now: %s", error)
        finally:
            connections.close_all()


_watcher = ActiveModelWatcher()
_loading = threading.Lock()
"""Two first callers would load everything twice."""

_encoders: weakref.WeakValueDictionary[str, TunableEncoder] = weakref.WeakValueDictionary()
"""By preset, as long as something holds them: the former model's memory is free again when its
last request ends."""


@functools.cache
def base_space(preset: str) -> Space:
    """The space of a preset under its own heads, known without loading a model.

    Raises UnknownPreset; WeightsMissing or InvalidWeights for a preset whose checkpoint is not
    on this disk.
    """
    return space_of(_settings_of(preset))


def base_encoder(preset: str) -> TunableEncoder:
    """A preset under its own heads; loaded once. Raises EncoderError."""
    with _loading:
        encoder = _encoders.get(preset)
        if encoder is None:
            encoder = _encoders[preset] = load_encoder(_settings_of(preset))
        return encoder


def _settings_of(preset: str) -> EngineSettings:
    return engine_settings().model_copy(update={"preset": preset})


def active_heads(preset: str) -> str:
    """Checksum of the tuned heads in use over a preset; '' for its own. Raises as `base_space`
    does.
    """
    return get_active_heads_digest(base=base_space(preset).fingerprint)


def heads_folder() -> Path:
    """Where tuned heads lie, each file named by its checksum; shared by all processes, like the
    index.
    """
    return engine_settings().var_dir / "heads"


def heads_path(digest: str) -> Path:
    """The file of tuned heads with this checksum."""
    return heads_folder() / f"{digest}.safetensors"


def active_model() -> ActiveModel:
    """What to answer one request with: hold on to it until the request is done."""
    return _watcher.current()


def wait_until_current() -> ActiveModel:
    """The same, once this process uses what the database calls live, if it can. Loading a model
    takes seconds.
    """
    return _watcher.wait_until_current()


def active_space() -> Space:
    """The space in use: that of the preset in use, under the tuned heads that are live. Loads no
    model.
    """
    return active_model().space


def last_used_space() -> Space | None:
    """The space that this process answered in last, None before its first answer. Asks neither
    database nor disk.
    """
    return _watcher.space


def query_encoder() -> QueryEncoder:
    """The encoder of this process; loaded at the first query. Raises EncoderError."""
    return active_model().query_encoder()


def live_index() -> IndexReader:
    """This process's reader, up to date."""
    return active_model().index()


def warm_up() -> None:
    """Load the encoder in the background. A fault is logged here and raised again to the first
    query.
    """
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()


def _warm_up() -> None:
    try:
        query_encoder().embed_text("warm-up")
        # The model's hundreds of thousands of objects stay; a collector that visits them stops a
        # request for 0.2 s.
        gc.collect()
        gc.freeze()
    except (OmnishelfError, DatabaseError) as error:
        logger.error("the encoder cannot be loaded: %s", error)
    finally:
        connections.close_all()


def index_status() -> IndexStatus:
    """State of this process's reader, brought up to date first."""
    status = live_index().status()
    return replace(status, fault=status.fault or _watcher.fault)
