"""Pieces of a clip on their way from a decoding thread to the model's: a few at a time, so that
memory stays flat.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from indexer.encoding.contents import EncodeError
from search.encoders.protocol import Prepared
from search.types import Modality, Span

MAX_QUEUED_PIECES = 8
"""Pieces of a clip that may wait for the model."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a clip: model inputs of a key frame's views, model input of a window of sound,
    or a subtitle.
    """

    modality: Modality
    span: Span
    content: list[Prepared] | Prepared | str


@dataclass(frozen=True, slots=True)
class PieceError:
    """Why there are no (more) pieces of this modality."""

    modality: Modality
    error: EncodeError


class Cancelled(Exception):
    """The feed was closed before its end, because work has to stop."""


class PieceQueue:
    """One clip's pieces, in the order they were put in. One thread puts, another one iterates.

    `waited_s` is how long the latter had to wait for pieces.
    """

    def __init__(self) -> None:
        self._waiting: deque[Piece | PieceError] = deque()
        self._change = threading.Condition()
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None
        self.waited_s = 0.0

    def put(self, piece: Piece | PieceError) -> None:
        """Waits while the feed is full. Raises Cancelled when it is closed."""
        with self._change:
            self._change.wait_for(lambda: self._closed or len(self._waiting) < MAX_QUEUED_PIECES)
            if self._closed:
                raise Cancelled
            self._waiting.append(piece)
            self._change.notify_all()

    def end(self, error: BaseException | None = None) -> None:
        """Nothing more comes; an error is raised where the pieces are taken."""
        with self._change:
            self._ended, self._error = True, error
            self._change.notify_all()

    def close(self) -> None:
        """Let both sides stop where they are."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    def __iter__(self) -> Iterator[Piece | PieceError]:
        """Raises Cancelled when the feed is closed before its end, and the error that it was
        ended with.
        """
        while True:
            started = time.perf_counter()
            with self._change:
                self._change.wait_for(lambda: self._closed or self._ended or self._waiting)
                self.waited_s += time.perf_counter() - started
                if self._closed:
                    raise Cancelled
                if not self._waiting:
                    if self._error is not None:
                        raise self._error
                    return
                piece = self._waiting.popleft()
                self._change.notify_all()
            yield piece
