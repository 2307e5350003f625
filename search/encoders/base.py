"""The Encoder Protocol: three steps per picture batch, so that decoding, the model and storing can overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL import Image

from search.types import Space, TextRole, Vectors

Pixels = npt.NDArray[np.float32]
"""One preprocessed picture, shape (3, height, width), float32, normalised as the encoder wants it."""


@runtime_checkable
class Encoder(Protocol):
    """Maps pictures and texts into one space.

    `prepare_picture` is pure, CPU-only and thread-safe: callers run it in a pool while the model works on the batch
    before. The `encode_*` calls are serialised by the engine and return float32 unit vectors.
    """

    @property
    def space(self) -> Space:
        """The space of every vector this encoder returns."""

    @property
    def picture_batch_size(self) -> int:
        """How many pictures one model call should hold on this device."""

    @property
    def decode_size(self) -> int:
        """Shorter side, in pixels, that a decoder should keep at least; more is wasted."""

    def prepare_picture(self, picture: Image.Image) -> Pixels:
        """RGB picture → model input."""

    def encode_pictures(self, batch: Sequence[Pixels]) -> Vectors:
        """Model inputs → (n, dim). Raises ModalityUnsupported where there is no picture tower."""

    def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
        """Texts → (n, dim). Raises ModalityUnsupported where there is no text tower."""
