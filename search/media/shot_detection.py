"""Online detection of cuts between shots.

A cut is where the picture changes by much more than it did before within the shot. The change is
half the L1 distance of HSV histograms (8 hues, 4 saturations, 4 values) plus half the mean
difference of brightness in a 16 × 16 grid; it is compared with the median of recent changes.
docs/adr/0012-key-frames.md has the alternatives and figures; `python -m tools.evaluation.shot_eval`
measures it again.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Histogram = npt.NDArray[np.float32]
"""Share of the pixels in each colour bin, shape (128,), sum 1."""

_SIZE = (64, 48)
_HUES, _SATURATIONS, _VALUES = 8, 4, 4
_COLOURS = _HUES * _SATURATIONS * _VALUES
_GRID = (16, 16)
_LAYOUT_WEIGHT = 0.5
_RECENT = 8
_INITIAL_CHANGE, _MIN_CHANGE = 0.05, 0.02
_CUT_RATIO = 3.0
"""A cut is a change this many times the recent ones. Chosen on synthetic videos of seeds 0 to 3,
20 and 21."""

Layout = npt.NDArray[np.float32]
"""Brightness of a picture in rows and columns, shape (256,), 0 to 1."""


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """Features by which two frames are compared."""

    colours: Histogram
    layout: Layout

    @classmethod
    def extract(cls, picture: Image.Image) -> FrameFeatures:
        return cls(colour_histogram(picture), picture_layout(picture))


def colour_histogram(picture: Image.Image) -> Histogram:
    """Return the colour histogram of a picture of any size."""
    pixels = (
        np.asarray(picture.convert("HSV").resize(_SIZE, Image.Resampling.BOX)).reshape(-1, 3) >> 5
    )
    hue, saturation, value = pixels[:, 0], pixels[:, 1] >> 1, pixels[:, 2] >> 1
    bins = (hue.astype(np.int64) * _SATURATIONS + saturation) * _VALUES + value
    return (np.bincount(bins, minlength=_COLOURS) / len(bins)).astype(np.float32)


def colour_distance(one: Histogram, other: Histogram) -> float:
    """Return the share of pixels that differ in colour, 0 to 1."""
    return float(np.abs(one - other).sum()) / 2


def picture_layout(picture: Image.Image) -> Layout:
    """Return the brightness of a picture of any size on a 16 × 16 grid."""
    small = picture.convert("L").resize(_GRID, Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32).ravel() / np.float32(255)


def layout_distance(one: Layout, other: Layout) -> float:
    """Return the mean difference of brightness, 0 to 1."""
    return float(np.abs(one - other).mean())


class ShotDetector:
    """Tells of every frame whether it starts a shot."""

    def __init__(self) -> None:
        self._previous: FrameFeatures | None = None
        self._recent: deque[float] = deque([_INITIAL_CHANGE], maxlen=_RECENT)

    def starts_shot(self, features: FrameFeatures) -> bool:
        previous, self._previous = self._previous, features
        if previous is None:
            return True
        change = colour_distance(previous.colours, features.colours)
        change += _LAYOUT_WEIGHT * layout_distance(previous.layout, features.layout)
        if change > _CUT_RATIO * (float(np.median(self._recent)) + _MIN_CHANGE):
            self._recent = deque([_INITIAL_CHANGE], maxlen=_RECENT)
            return True
        self._recent.append(change)
        return False
