"""Vectors of key frames and of a whole clip.

An encoder may squash a wide picture to a square. A key frame is therefore encoded three times,
as a whole and by the squares at both its ends, and its vector is their mean direction
(docs/adr/0012-key-frames.md has the figures).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from search.types import Vectors

VIEWS_PER_FRAME = 3


def crop_frame_views(picture: Image.Image) -> list[Image.Image]:
    """Return the `VIEWS_PER_FRAME` pictures that a key frame is encoded as."""
    width, height = picture.size
    side = min(width, height)
    return [
        picture,
        picture.crop((0, 0, side, side)),
        picture.crop((width - side, height - side, width, height)),
    ]


def mean_frame_vectors(views: Vectors) -> Vectors:
    """Average the views of n key frames: (n × VIEWS_PER_FRAME, dim) → (n, dim)."""
    return _normalise(views.reshape(-1, VIEWS_PER_FRAME, views.shape[1]).mean(axis=1))


def mean_clip_vector(vectors: Vectors) -> Vectors:
    """Return the vector of a whole clip, the mean of its key frames: (n, dim) → (1, dim)."""
    return _normalise(vectors.mean(axis=0, keepdims=True))


def clip_and_frame_vectors(views: Vectors) -> Vectors:
    """Return the vectors of a whole clip and then of its n key frames, (1 + n, dim).

    `views` are the vectors of their views, (n × VIEWS_PER_FRAME, dim).
    """
    frames = mean_frame_vectors(views)
    return np.concatenate([mean_clip_vector(frames), frames])


def _normalise(means: npt.NDArray[np.float32]) -> Vectors:
    lengths = np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    unit: Vectors = np.asarray(means / lengths, dtype=np.float32)
    return unit
