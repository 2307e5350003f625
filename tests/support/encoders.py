"""An encoder without weights, which can be made to fail on chosen inputs."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from search.encoders.protocol import Pixels
from search.types import Modality, Space, TextRole, Vectors

Row = npt.NDArray[np.float32] | npt.NDArray[np.float64]


class ColourEncoder:
    """Encodes a picture as its colours on a 4 × 4 grid, a text as the sum of its words' directions.

    A word's direction is random but fixed. A model call fails as a whole, as with a real model,
    if `fails_on` is true for one of its inputs.
    """

    def __init__(
        self,
        space: Space | None = None,
        *,
        picture_batch_size: int = 4,
        max_concurrent_calls: int = 1,
        fails_on: Callable[[Pixels | str], bool] = lambda item: False,
    ) -> None:
        self.space = space or Space(
            "colours", "c0105", 48, frozenset({Modality.TEXT, Modality.PICTURE})
        )
        self.picture_batch_size = picture_batch_size
        self.max_concurrent_calls = max_concurrent_calls
        self.decode_size = 4
        self.calls: list[int] = []
        self._fails_on = fails_on
        self._lock = threading.Lock()

    def prepare_picture(self, picture: Image.Image) -> Pixels:
        small = picture.resize((4, 4), Image.Resampling.BOX)
        pixels: Pixels = np.asarray(small, np.float32).transpose(2, 0, 1) / np.float32(255)
        return pixels - np.float32(0.5)

    def encode_pictures(self, batch: Sequence[Pixels]) -> Vectors:
        return self._encode(batch, [pixels.reshape(-1) for pixels in batch])

    def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
        nothing = np.zeros(48)
        rows = [sum(map(_direction, text.split()), start=nothing) for text in texts]
        return self._encode(texts, rows)

    def _encode(self, inputs: Sequence[Pixels | str], rows: Sequence[Row]) -> Vectors:
        with self._lock:
            self.calls.append(len(inputs))
        if any(self._fails_on(item) for item in inputs):
            raise RuntimeError("out of memory")
        vectors = np.stack(rows).astype(np.float32) + 1e-6
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit


def _direction(word: str) -> npt.NDArray[np.float64]:
    seed = int.from_bytes(hashlib.sha256(word.lower().encode()).digest()[:8])
    return np.random.default_rng(seed).standard_normal(48)
