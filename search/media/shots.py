"""Cuts between shots, found from frames as they come.

A cut is where the colours change by much more than they lately did within the shot: half the L1 distance of HSV
histograms (8 hues, 4 saturations, 4 values), beside the median of the distances before it. docs/adr/0012-key-frames.md
has what else was measured; `python -m search.evaluation.shots` measures it again.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt
from PIL import Image

Histogram = npt.NDArray[np.float32]
"""Shares of the pixels in each colour, shape (128,), sum 1."""

_SIZE = (64, 48)
_HUES, _SATURATIONS, _VALUES = 8, 4, 4
_COLOURS = _HUES * _SATURATIONS * _VALUES
_MEMORY = 4
_STILL = 0.05
_TIMES = 2.1
"""A cut changes so many times more than the shot did lately. Chosen on the clips of seeds 0 to 3."""


def colour_histogram(picture: Image.Image) -> Histogram:
    """The colours of a picture, whatever its size."""
    pixels = np.asarray(picture.convert("HSV").resize(_SIZE, Image.Resampling.BOX)).reshape(-1, 3) >> 5
    hue, saturation, value = pixels[:, 0], pixels[:, 1] >> 1, pixels[:, 2] >> 1
    bins = (hue.astype(np.int64) * _SATURATIONS + saturation) * _VALUES + value
    return (np.bincount(bins, minlength=_COLOURS) / len(bins)).astype(np.float32)


def colour_distance(one: Histogram, other: Histogram) -> float:
    """The share of pixels that would have to change their colour, 0 to 1."""
    return float(np.abs(one - other).sum()) / 2


class ShotDetector:
    """Says of every frame, by its colours, whether a shot begins with it."""

    def __init__(self) -> None:
        self._former: Histogram | None = None
        self._lately: deque[float] = deque([_STILL], maxlen=_MEMORY)

    def begins(self, colours: Histogram) -> bool:
        former, self._former = self._former, colours
        if former is None:
            return True
        changed = colour_distance(former, colours)
        if changed > _TIMES * (float(np.median(self._lately)) + _STILL):
            self._lately = deque([_STILL], maxlen=_MEMORY)
            return True
        self._lately.append(changed)
        return False
