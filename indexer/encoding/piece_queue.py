"""A queue of clip pieces between a decoding thread and the model's thread.

It holds a few pieces, so that memory stays flat.
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
"""Per clip."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a clip: the inputs of a key frame's views, of an audio window, or a subtitle."""

    modality: Modality
    span: Span
    content: list[Prepared] | Prepared | str


@dataclass(frozen=True, slots=True)
class PieceError:
    """Why there are no more pieces of this modality."""

    modality: Modality
    error: EncodeError


class Cancelled(Exception):
    """The queue was closed before its end, because work has to stop."""


class PieceQueue:
    """The pieces of one clip. One thread puts them in, another iterates over them.

    `waited_s` is how long the second one waited for pieces.
    """

    def __init__(self) -> None:
        self._waiting: deque[Piece | PieceError] = deque()
        self._change = threading.Condition()
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None
        self.waited_s = 0.0

    def put(self, piece: Piece | PieceError) -> None:
        """Add a piece; wait while the queue is full. Raises Cancelled when it is closed."""
        with self._change:
            self._change.wait_for(lambda: self._closed or len(self._waiting) < MAX_QUEUED_PIECES)
            if self._closed:
                raise Cancelled
            self._waiting.append(piece)
            self._change.notify_all()

    def end(self, error: BaseException | None = None) -> None:
        """Mark the end of the pieces. The reader raises the error, if any."""
        with self._change:
            self._ended, self._error = True, error
            self._change.notify_all()

    def close(self) -> None:
        """Make both threads stop."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    def __iter__(self) -> Iterator[Piece | PieceError]:
        """Yield the pieces. Raises Cancelled when the queue is closed, and the error of `end`."""
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
