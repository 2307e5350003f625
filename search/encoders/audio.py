"""Encoders that hear, and what a whole sound asks for."""

from __future__ import annotations

from typing import cast

import numpy as np

from search.encoders.protocol import Encoder, SoundEncoder
from search.errors import ModalityUnsupported
from search.types import Modality, Vectors


def hearing(encoder: Encoder) -> SoundEncoder | None:
    """The encoder as one that hears, if it does."""
    return cast("SoundEncoder", encoder) if Modality.AUDIO in encoder.space.modalities else None


def require_hearing(encoder: Encoder) -> SoundEncoder:
    """The same. Raises ModalityUnsupported."""
    ears = hearing(encoder)
    if ears is None:
        raise ModalityUnsupported(
            "the encoder in use does not hear",
            value=encoder.space.preset,
            fix="Ask by words or by a picture.",
        )
    return ears


def whole_sound(windows: Vectors) -> Vectors:
    """What a sound asks for as a whole: the mean direction of its windows, (n, dim) → (dim,)."""
    mean = windows.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-6), dtype=np.float32)
