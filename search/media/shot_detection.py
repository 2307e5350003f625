"""Cuts between shots, found from frames as they come.

A cut is where the picture changes by much more than it lately did within the shot: half the L1
distance of HSV histograms (8 hues, 4 saturations, 4 values) and half the mean difference of
brightness in a 16 × 16 grid, beside the median of such distances before it.
docs/adr/0012-key-frames.md has what else was measured; `python -m tools.evaluation.shot_eval`
measures it again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Histogram = npt.NDArray[np.float32]
"""Shares of the pixels in each colour, shape (128,), sum 1."""

_SIZE = (64, 48)
_HUES, _SATURATIONS, _VALUES = 8, 4, 4
_COLOURS = _HUES * _SATURATIONS * _VALUES
_GRID = (16, 16)
_LAYOUT_COUNTS = 0.5
_MEMORY = 8
_FIRST, _STILL = 0.05, 0.02
_TIMES = 3.0
"""A cut changes so many times more than the shot did lately. Chosen on films of seeds 0 to 3, 20
and 21."""

Layout = npt.NDArray[np.float32]
"""Brightness of a picture in rows and columns, shape (256,), 0 to 1."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a frame is compared by."""

    colours: Histogram
    layout: Layout

    @classmethod
    def of(cls, picture: Image.Image) -> Look:
        return cls(colour_histogram(picture), picture_layout(picture))


def colour_histogram(picture: Image.Image) -> Histogram:
    """The colours of a picture, whatever its size."""
    pixels = (
        np.asarray(picture.convert("HSV").resize(_SIZE, Image.Resampling.BOX)).reshape(-1, 3) >> 5
    )
    hue, saturation, value = pixels[:, 0], pixels[:, 1] >> 1, pixels[:, 2] >> 1
    bins = (hue.astype(np.int64) * _SATURATIONS + saturation) * _VALUES + value
    return (np.bincount(bins, minlength=_COLOURS) / len(bins)).astype(np.float32)


def colour_distance(one: Histogram, other: Histogram) -> float:
    """The share of pixels that would have to change their colour, 0 to 1."""
    return float(np.abs(one - other).sum()) / 2


def picture_layout(picture: Image.Image) -> Layout:
    """Where a picture is bright and where dark, whatever its size."""
    small = picture.convert("L").resize(_GRID, Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32).ravel() / np.float32(255)


def layout_distance(one: Layout, other: Layout) -> float:
    """Mean difference of brightness, 0 to 1."""
    return float(np.abs(one - other).mean())


class ShotDetector:
    """Says of every frame whether a shot begins with it."""

    def __init__(self) -> None:
        self._former: Look | None = None
        self._lately: deque[float] = deque([_FIRST], maxlen=_MEMORY)

    def begins(self, look: Look) -> bool:
        former, self._former = self._former, look
        if former is None:
            return True
        changed = colour_distance(former.colours, look.colours)
        changed += _LAYOUT_COUNTS * layout_distance(former.layout, look.layout)
        if changed > _TIMES * (float(np.median(self._lately)) + _STILL):
            self._lately = deque([_FIRST], maxlen=_MEMORY)
            return True
        self._lately.append(changed)
        return False
