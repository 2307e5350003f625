"""What a clip shows as vectors: of each key frame, and of the clip as a whole.

An encoder may squash a wide picture to a square. A key frame is therefore seen three times, as a
whole and by the squares at both its ends, and its vector is their mean direction
(docs/adr/0012-key-frames.md has the figures).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from search.types import Vectors

VIEWS = 3


def frame_views(picture: Image.Image) -> list[Image.Image]:
    """The `VIEWS` pictures that a key frame is encoded as."""
    width, height = picture.size
    side = min(width, height)
    return [
        picture,
        picture.crop((0, 0, side, side)),
        picture.crop((width - side, height - side, width, height)),
    ]


def frame_vectors(views: Vectors) -> Vectors:
    """Vectors of the views of n key frames, (n × VIEWS, dim) → (n, dim)."""
    return _directions(views.reshape(-1, VIEWS, views.shape[1]).mean(axis=1))


def whole_clip(vectors: Vectors) -> Vectors:
    """What the clip as a whole shows: the mean direction of its key frames, (n, dim) → (1, dim)."""
    return _directions(vectors.mean(axis=0, keepdims=True))


def clip_vectors(views: Vectors) -> Vectors:
    """Views of n key frames, (n × VIEWS, dim) → (1 + n, dim): the clip as a whole, then its key
    frames.
    """
    frames = frame_vectors(views)
    return np.concatenate([whole_clip(frames), frames])


def _directions(means: npt.NDArray[np.float32]) -> Vectors:
    lengths = np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    unit: Vectors = np.asarray(means / lengths, dtype=np.float32)
    return unit
