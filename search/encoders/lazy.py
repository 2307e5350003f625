"""Model parts that are loaded at their first use."""

from __future__ import annotations

import inspect
import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from search.errors import EncoderError

Part = TypeVar("Part")


class Lazy(Generic[Part]):
    """A part that is loaded at its first use.

    A failed load is cached, so that gigabytes are not read again only to fail. Parts that check
    each other while loading share one reentrant lock. A bound method is held weakly: otherwise
    the encoder would reference itself, and an unused model would keep its memory until the
    garbage collector runs.
    """

    def __init__(self, load: Callable[[], Part], lock: threading.RLock) -> None:
        self._load = weakref.WeakMethod(load) if inspect.ismethod(load) else lambda: load
        self._lock = lock
        self._part: Part | None = None
        self._error: EncoderError | None = None

    @property
    def is_loaded(self) -> bool:
        return self._part is not None

    def get(self) -> Part:
        """Return the part. Raises the EncoderError of a failed load, every time."""
        if self._part is not None:
            return self._part
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._part is None:
                try:
                    self._part = cast("Callable[[], Part]", self._load())()
                except EncoderError as error:
                    self._error = error
                    raise
            return self._part

    def unload(self) -> None:
        """Release the part's memory; the next use loads it again."""
        self._part = None
