"""Encode the queries of many web threads together, one model call for all that wait."""

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

from search.encoders.protocol import Encoder, Pixels, mean_audio_vector, require_audio
from search.media.frame_views import crop_frame_views, mean_clip_vector, mean_frame_vectors
from search.types import AudioFormat, Space, TextRole, Vectors, Waveform

Input = TypeVar("Input")
Vector = npt.NDArray[np.float32]

TEXT_BATCH_SIZE = 64
MAX_CACHED_TEXTS = 4096


class MicroBatcher(Generic[Input]):
    """Groups calls from many threads into one model call at a time.

    There is no worker thread that could die and leave callers waiting: the caller that gets the
    lock encodes the inputs of everyone in the queue. There is no timer either: the first caller
    starts at once.
    """

    def __init__(self, encode: Callable[[Sequence[Input]], Vectors], max_batch_size: int) -> None:
        self._encode = encode
        self._max_batch_size = max_batch_size
        self._waiting: queue.SimpleQueue[tuple[Input, Future[Vector]]] = queue.SimpleQueue()
        self._encoding = threading.Lock()

    def __call__(self, value: Input) -> Vector:
        """Encode one input: unit vector (dim,). Raises what the encoder raises."""
        result: Future[Vector] = Future()
        self._waiting.put((value, result))
        with self._encoding:
            while not result.done():
                self._encode_batch(self._next_batch())
        return result.result()

    def _next_batch(self) -> list[tuple[Input, Future[Vector]]]:
        size = min(self._waiting.qsize(), self._max_batch_size)
        return [self._waiting.get() for _ in range(size)]

    def _encode_batch(self, requests: Sequence[tuple[Input, Future[Vector]]]) -> None:
        try:
            vectors = list(self._encode([value for value, _ in requests]))
            encoded = list(zip(requests, vectors, strict=True))
        # An error belongs to every caller of the batch; each raises it from its own future.
        except BaseException as error:
            for _, result in requests:
                result.set_exception(error)
            return
        for (_, result), vector in encoded:
            result.set_result(vector)


class VectorCache:
    """LRU cache of text vectors, keyed by space, role and text. Thread-safe."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._vectors: OrderedDict[tuple[str, TextRole, str], Vector] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, fingerprint: str, role: TextRole, text: str) -> Vector | None:
        """Return the cached vector, which is read-only, or None."""
        key = (fingerprint, role, text)
        with self._lock:
            if key in self._vectors:
                self._vectors.move_to_end(key)
            return self._vectors.get(key)

    def put(self, fingerprint: str, role: TextRole, text: str, vector: Vector) -> None:
        """Store a vector, make it read-only, and evict the least recently used one if full."""
        vector.flags.writeable = False
        with self._lock:
            self._vectors[fingerprint, role, text] = vector
            self._vectors.move_to_end((fingerprint, role, text))
            if len(self._vectors) > self._size:
                self._vectors.popitem(last=False)


class QueryEncoder:
    """Encodes queries of a web process: one query, one vector, from any thread.

    `used_picture_tower` is True once a picture was encoded, so that the picture tower is loaded.
    """

    def __init__(self, encoder: Encoder, max_cached_texts: int = MAX_CACHED_TEXTS) -> None:
        self.used_picture_tower = False
        self._encoder = encoder
        self._cache = VectorCache(max_cached_texts)
        self._texts: MicroBatcher[str] = MicroBatcher(
            partial(encoder.encode_texts, role=TextRole.QUERY), TEXT_BATCH_SIZE
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
        """Shorter side in pixels that a decoder must keep."""
        return self._encoder.decode_size

    @property
    def audio_format(self) -> AudioFormat:
        """The windows that `embed_audio` takes. Raises ModalityUnsupported without audio tower."""
        return require_audio(self._encoder).audio_format

    def embed_text(self, text: str) -> Vector:
        """Encode a query text: unit vector (dim,), read-only. Raises what the encoder raises."""
        vector = self._cache.get(self.space.fingerprint, TextRole.QUERY, text)
        if vector is None:
            # A copy, because a row of the batch's array would keep the whole batch alive.
            vector = self._texts(text).copy()
            self._cache.put(self.space.fingerprint, TextRole.QUERY, text, vector)
        return vector

    def embed_picture(self, picture: Image.Image) -> Vector:
        """Encode an RGB picture: unit vector (dim,). Raises what the encoder raises."""
        self.used_picture_tower = True
        return self._pictures(self._encoder.prepare_picture(picture))

    def embed_audio(self, windows: Sequence[Waveform]) -> Vector:
        """Encode the windows of one sound, at least one: unit vector (dim,).

        Raises what the encoder raises.
        """
        encoder = require_audio(self._encoder)
        size = encoder.audio_batch_size
        vectors = []
        for start in range(0, len(windows), size):
            batch = [encoder.prepare_audio(window) for window in windows[start : start + size]]
            vectors.append(encoder.encode_audio(batch))
        return mean_audio_vector(np.concatenate(vectors))

    def embed_frames(self, pictures: Sequence[Image.Image]) -> Vector:
        """Encode the key frames of one clip, at least one: unit vector (dim,).

        Raises what the encoder raises.
        """
        views = [view for picture in pictures for view in crop_frame_views(picture)]
        vectors = np.stack([self.embed_picture(view) for view in views])
        whole: Vector = mean_clip_vector(mean_frame_vectors(vectors))[0]
        return whole
