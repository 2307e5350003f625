"""Parts of a model that are loaded when they are first needed."""

from __future__ import annotations

import inspect
import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from search.errors import EncoderError

Part = TypeVar("Part")


class Lazy(Generic[Part]):
    """A part made at its first use. A refusal is remembered: reading gigabytes again would
    refuse them again.

    Parts that test each other while they load share one reentrant lock. A method is held weakly:
    through it an encoder would hold itself, and a model that nobody uses any more would keep its
    memory until a collector looks.
    """

    def __init__(self, load: Callable[[], Part], lock: threading.RLock) -> None:
        self._load = weakref.WeakMethod(load) if inspect.ismethod(load) else lambda: load
        self._lock = lock
        self._part: Part | None = None
        self._refusal: EncoderError | None = None

    @property
    def loaded(self) -> bool:
        return self._part is not None

    def get(self) -> Part:
        """The part. Raises the EncoderError of its loading, every time."""
        if self._part is not None:
            return self._part
        with self._lock:
            if self._refusal is not None:
                raise self._refusal
            if self._part is None:
                try:
                    self._part = cast("Callable[[], Part]", self._load())()
                except EncoderError as error:
                    self._refusal = error
                    raise
            return self._part

    def forget(self) -> None:
        """Give the part's memory back; the next use loads it again."""
        self._part = None
