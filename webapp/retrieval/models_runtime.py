"""The models of this process: encoder and index of the active space, which follow the database."""

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
from search.encoders.presets import derive_tuned_space
from search.encoders.protocol import TunableEncoder
from search.encoders.query_encoder import QueryEncoder
from search.encoders.registry import load_encoder, resolve_space
from search.errors import OmnishelfError
from search.types import Space
from search.vectors.backends import open_index
from search.vectors.contract import IndexReader
from search.vectors.status import IndexStatus
from webapp.catalog.selectors.embeddings import get_changes_since
from webapp.catalog.selectors.spaces import get_active_heads, get_active_preset
from webapp.celery import REPAIR_INDEX, notify_worker

logger = logging.getLogger(__name__)

RETRY_S = 30.0
"""Wait this long before a model that failed to load is tried again."""


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
    """Encoder and index of one space, each loaded on first use.

    A request takes both from one ActiveModel, so the query is embedded in the space of the index
    that it searches. Raises UnknownPreset, WeightsMissing and InvalidWeights when made, if the
    space of the preset cannot be determined.
    """

    def __init__(self, preset: str, heads_digest: str = "") -> None:
        self.preset = preset
        self.heads_digest = heads_digest
        self.space = derive_tuned_space(base_space(preset), heads_digest)
        self._loading, self._opening = threading.RLock(), threading.Lock()
        self._base: TunableEncoder | None = None
        self._encoder: TunableEncoder | None = None
        self._queries: QueryEncoder | None = None
        self._index: IndexWatcher | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether it holds an encoder."""
        return self._encoder is not None

    def encoder(self) -> TunableEncoder:
        """Return the encoder of contents. Raises EncoderError."""
        with self._loading:
            if self._encoder is None:
                # Keeps the towers in memory: other heads over them need not load them again.
                self._base = base_encoder(self.preset)
                self._encoder = (
                    self._base.with_heads(heads_path(self.heads_digest))
                    if self.heads_digest
                    else self._base
                )
            return self._encoder

    def query_encoder(self) -> QueryEncoder:
        """Return the encoder of queries, with the same towers. Raises EncoderError."""
        with self._loading:
            if self._queries is None:
                self._queries = QueryEncoder(self.encoder())
            return self._queries

    def index(self) -> IndexReader:
        """Return the reader of this process, up to date."""
        with self._opening:
            if self._index is None:
                settings = engine_settings()
                self._index = IndexWatcher(open_index(settings, self.space), settings.delta_poll_s)
            watcher = self._index
        return watcher.current()

    def prepare_like(self, other: ActiveModel) -> None:
        """Load now what `other` has loaded, so that no request waits for it later.

        Raises EncoderError.
        """
        if other._encoder is not None:
            self.encoder()
        if other._queries is not None:
            self._warm(self.query_encoder(), pictures=other._queries.used_picture_tower)
        if other._index is not None:
            self.index()

    def _warm(self, queries: QueryEncoder, *, pictures: bool) -> None:
        """Use each tower once: that loads and checks it."""
        queries.embed_text("warm-up")
        if pictures:
            queries.embed_picture(Image.new("RGB", (queries.decode_size, queries.decode_size)))


class ActiveModelWatcher:
    """Follows the model and heads that are active in the database, checked every `delta_poll_s`.

    The next ActiveModel is prepared while the current one serves requests; requests that hold it
    finish with it. New heads are prepared by the caller that checks; a new model takes seconds to
    load, and is prepared in a background thread.
    """

    def __init__(self) -> None:
        self.fault: str | None = None
        self._model: ActiveModel | None = None
        self._lock = threading.Lock()
        self._checked_at = -float("inf")
        self._preparing: threading.Thread | None = None
        self._failed_at = -float("inf")

    @property
    def space(self) -> Space | None:
        return self._model.space if self._model else None

    def current(self) -> ActiveModel:
        """Return the active model.

        Raises the errors of ActiveModel when there is no previous one to serve.
        """
        due = time.monotonic() - self._checked_at >= engine_settings().delta_poll_s
        if (self._model is None or due) and self._lock.acquire(blocking=self._model is None):
            try:
                started = time.monotonic()
                self._check()
                self._checked_at = started
            finally:
                self._lock.release()
        return cast("ActiveModel", self._model)

    def wait_until_current(self) -> ActiveModel:
        """Return the active model, after a model that is being prepared."""
        self.current()
        with self._lock:
            preparing = self._preparing
        if preparing is not None:
            preparing.join()
        return self.current()

    def _check(self) -> None:
        previous, preset = self._model, get_active_preset()
        if previous is None:
            self._model = ActiveModel(preset, active_heads(preset))
        elif preset == previous.preset or not previous.is_loaded:
            self._switch(previous)
        elif not self._is_busy():
            self._preparing = threading.Thread(
                target=self._switch_in_background, args=(previous,), name="model", daemon=True
            )
            self._preparing.start()

    def _is_busy(self) -> bool:
        has_failed = time.monotonic() - self._failed_at < RETRY_S
        return has_failed or (self._preparing is not None and self._preparing.is_alive())

    def _switch(self, previous: ActiveModel) -> None:
        try:
            preset = get_active_preset()
            digest = active_heads(preset)
            if (preset, digest) != (previous.preset, previous.heads_digest):
                model = ActiveModel(preset, digest)
                model.prepare_like(previous)
                self._model = model
        except OmnishelfError as error:
            # The previous space serves on; the readiness probe and the admin show the error.
            logger.error("the active space cannot be opened, the previous one serves on: %s", error)
            self.fault = str(error)
            return
        self.fault = None

    def _switch_in_background(self, previous: ActiveModel) -> None:
        try:
            self._switch(previous)
            self._failed_at = time.monotonic() if self.fault else -float("inf")
        except DatabaseError as error:
            logger.error("the active space cannot be opened for now: %s", error)
        finally:
            connections.close_all()


_watcher = ActiveModelWatcher()
_loading = threading.Lock()
"""Keeps two first callers from loading the same encoder twice."""

_encoders: weakref.WeakValueDictionary[str, TunableEncoder] = weakref.WeakValueDictionary()
"""Base encoders by preset. A previous model's memory is freed when its last request ends."""


@functools.cache
def base_space(preset: str) -> Space:
    """Return the space of a preset with its own heads, without loading a model.

    Raises UnknownPreset; WeightsMissing or InvalidWeights for a preset whose checkpoint is not
    on this disk.
    """
    return resolve_space(_preset_settings(preset))


def base_encoder(preset: str) -> TunableEncoder:
    """Return the encoder of a preset with its own heads, loaded once. Raises EncoderError."""
    with _loading:
        encoder = _encoders.get(preset)
        if encoder is None:
            encoder = _encoders[preset] = load_encoder(_preset_settings(preset))
        return encoder


def _preset_settings(preset: str) -> EngineSettings:
    return engine_settings().model_copy(update={"preset": preset})


def active_heads(preset: str) -> str:
    """Return the checksum of the active tuned heads of a preset, '' for its own heads.

    Raises as `base_space` does.
    """
    return get_active_heads(base_space(preset).fingerprint)[0]


def heads_folder() -> Path:
    """Return the folder of tuned heads, each file named by its checksum.

    All processes share it, like the index.
    """
    return engine_settings().var_dir / "heads"


def heads_path(digest: str) -> Path:
    """Return the file of the tuned heads with this checksum."""
    return heads_folder() / f"{digest}.safetensors"


def active_model() -> ActiveModel:
    """Return the active model; use the same one for a whole request."""
    return _watcher.current()


def wait_until_current() -> ActiveModel:
    """Return the active model after switching to the one in the database, if that is possible.

    Loading a model takes seconds.
    """
    return _watcher.wait_until_current()


def active_space() -> Space:
    """Return the space of the active preset and heads, without loading a model."""
    return active_model().space


def last_used_space() -> Space | None:
    """Return the space that this process used last, None before its first search.

    Reads neither the database nor the disk.
    """
    return _watcher.space


def query_encoder() -> QueryEncoder:
    """Return the query encoder of this process, loaded at the first query. Raises EncoderError."""
    return active_model().query_encoder()


def live_index() -> IndexReader:
    """Return the index reader of this process, up to date."""
    return active_model().index()


def warm_up() -> None:
    """Load the encoder in the background.

    An error is logged here, and raised again at the first query.
    """
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()


def _warm_up() -> None:
    try:
        query_encoder().embed_text("warm-up")
        # The model has hundreds of thousands of objects; a garbage collection that visits them
        # delays a request by 0.2 s.
        gc.collect()
        gc.freeze()
    except (OmnishelfError, DatabaseError) as error:
        logger.error("the encoder cannot be loaded: %s", error)
    finally:
        connections.close_all()


def index_status() -> IndexStatus:
    """Return the status of the index reader of this process, brought up to date first."""
    status = live_index().status()
    return replace(status, fault=status.fault or _watcher.fault)
