"""Queries of many web threads, encoded together: one model call for all that wait, and none for
what is known.
"""

from __future__ import annotations

import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from search.encoders.audio import require_hearing, whole_sound
from search.encoders.protocol import Encoder, Pixels, SoundFormat, Waveform
from search.media.frame_views import frame_vectors, frame_views, whole_clip
from search.types import Space, TextRole, Vectors

Input = TypeVar("Input")
Vector = npt.NDArray[np.float32]

TEXTS_AT_ONCE = 64
TEXTS_KEPT = 4096


class MicroBatcher(Generic[Input]):
    """Calls from any thread → one model call at a time, over all inputs that wait by then.

    There is no worker thread that could die and leave callers waiting: the caller who gets the
    lock encodes for all who queue behind it. Nobody waits for a timer either: the first caller
    goes at once.
    """

    def __init__(self, encode: Callable[[Sequence[Input]], Vectors], at_most: int) -> None:
        self._encode = encode
        self._at_most = at_most
        self._waiting: queue.SimpleQueue[tuple[Input, Future[Vector]]] = queue.SimpleQueue()
        self._encoding = threading.Lock()

    def __call__(self, value: Input) -> Vector:
        """One input → its unit vector, (dim,). Raises what the encoder raises."""
        answer: Future[Vector] = Future()
        self._waiting.put((value, answer))
        with self._encoding:
            while not answer.done():
                self._answer(self._next_batch())
        return answer.result()

    def _next_batch(self) -> list[tuple[Input, Future[Vector]]]:
        size = min(self._waiting.qsize(), self._at_most)
        return [self._waiting.get() for _ in range(size)]

    def _answer(self, requests: Sequence[tuple[Input, Future[Vector]]]) -> None:
        try:
            vectors = list(self._encode([value for value, _ in requests]))
            answered = list(zip(requests, vectors, strict=True))
        # Whatever goes wrong belongs to every caller of the batch; each raises it from its own
        # future.
        except BaseException as error:
            for _, answer in requests:
                answer.set_exception(error)
            return
        for (_, answer), vector in answered:
            answer.set_result(vector)


class VectorCache:
    """The `size` texts asked for most recently, by space, role and text. Safe from several
    threads.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._vectors: OrderedDict[tuple[str, TextRole, str], Vector] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, fingerprint: str, role: TextRole, text: str) -> Vector | None:
        """The vector kept, read-only, or None."""
        key = (fingerprint, role, text)
        with self._lock:
            if key in self._vectors:
                self._vectors.move_to_end(key)
            return self._vectors.get(key)

    def put(self, fingerprint: str, role: TextRole, text: str, vector: Vector) -> None:
        """Keep a vector, which becomes read-only, and forget the one unused for longest when
        there are too many.
        """
        vector.flags.writeable = False
        with self._lock:
            self._vectors[fingerprint, role, text] = vector
            self._vectors.move_to_end((fingerprint, role, text))
            if len(self._vectors) > self._size:
                self._vectors.popitem(last=False)


class QueryEncoder:
    """What a web process asks: one vector for one query, from any thread.

    `sees_pictures` says whether it was ever asked with one, so that the picture tower is loaded.
    """

    def __init__(self, encoder: Encoder, texts_kept: int = TEXTS_KEPT) -> None:
        self.sees_pictures = False
        self._encoder = encoder
        self._cache = VectorCache(texts_kept)
        self._texts: MicroBatcher[str] = MicroBatcher(
            partial(encoder.encode_texts, role=TextRole.QUERY), TEXTS_AT_ONCE
        )
        self._pictures: MicroBatcher[Pixels] = MicroBatcher(
            encoder.encode_pictures, encoder.picture_batch_size
        )

    @property
    def space(self) -> Space:
        """The space of every vector returned."""
        return self._encoder.space

    @property
    def decode_size(self) -> int:
        """Shorter side, in pixels, that a decoder should keep at least."""
        return self._encoder.decode_size

    def embed_text(self, text: str) -> Vector:
        """Query text → unit vector, (dim,), read-only. Raises what the encoder raises."""
        found = self._cache.get(self.space.fingerprint, TextRole.QUERY, text)
        if found is None:
            # A copy, because a row of the batch's array would keep the whole batch alive.
            found = self._texts(text).copy()
            self._cache.put(self.space.fingerprint, TextRole.QUERY, text, found)
        return found

    @property
    def sound_format(self) -> SoundFormat:
        """What windows of sound have to be like. Raises ModalityUnsupported where the encoder
        does not hear.
        """
        return require_hearing(self._encoder).sound_format

    def embed_sound(self, windows: Sequence[Waveform]) -> Vector:
        """Windows of one sound, at least one → unit vector of the sound, (dim,). Raises what the
        encoder raises.
        """
        ears = require_hearing(self._encoder)
        size = ears.sound_batch_size
        vectors = [
            ears.encode_sounds(
                [ears.prepare_sound(window) for window in windows[start : start + size]]
            )
            for start in range(0, len(windows), size)
        ]
        return whole_sound(np.concatenate(vectors))

    def embed_frames(self, pictures: Sequence[Image.Image]) -> Vector:
        """Key frames of one clip, at least one → unit vector of the clip, (dim,). Raises what
        the encoder raises.
        """
        views = [view for picture in pictures for view in frame_views(picture)]
        vectors = np.stack([self.embed_picture(view) for view in views])
        whole: Vector = whole_clip(frame_vectors(vectors))[0]
        return whole

    def embed_picture(self, picture: Image.Image) -> Vector:
        """RGB picture → unit vector, (dim,). Raises what the encoder raises."""
        self.sees_pictures = True
        return self._pictures(self._encoder.prepare_picture(picture))
