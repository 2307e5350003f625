"""An encoder without weights: it encodes truly, if crudely, and can be told what to choke on."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from search.encoders.protocol import Pixels
from search.types import Modality, Space, TextRole, Vectors


class ColourEncoder:
    """Pictures become their colours on a 4 × 4 grid, texts a random direction fixed by each word.

    `chokes_on` is asked for every input of a model call; where it says yes the whole call fails,
    as a model would.
    """

    def __init__(
        self,
        space: Space | None = None,
        *,
        picture_batch_size: int = 4,
        max_concurrent_calls: int = 1,
        chokes_on: Callable[[Pixels | str], bool] = lambda item: False,
    ) -> None:
        self.space = space or Space(
            "colours", "c0105", 48, frozenset({Modality.TEXT, Modality.PICTURE})
        )
        self.picture_batch_size = picture_batch_size
        self.max_concurrent_calls = max_concurrent_calls
        self.decode_size = 4
        self.calls: list[int] = []
        self._chokes_on = chokes_on
        self._lock = threading.Lock()

    def prepare_picture(self, picture: Image.Image) -> Pixels:
        small = picture.resize((4, 4), Image.Resampling.BOX)
        return np.asarray(small, np.float32).transpose(2, 0, 1) / 255 - 0.5

    def encode_pictures(self, batch: Sequence[Pixels]) -> Vectors:
        return self._encode(batch, [pixels.reshape(-1) for pixels in batch])

    def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
        return self._encode(
            texts, [sum(_direction(word) for word in text.split()) for text in texts]
        )

    def _encode(self, inputs: Sequence[Pixels | str], rows: Sequence[np.ndarray]) -> Vectors:
        with self._lock:
            self.calls.append(len(inputs))
        if any(self._chokes_on(item) for item in inputs):
            raise RuntimeError("out of memory")
        vectors = np.stack(rows).astype(np.float32) + 1e-6
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _direction(word: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(word.lower().encode()).digest()[:8])
    return np.random.default_rng(seed).standard_normal(48)
