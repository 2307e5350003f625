"""Augmented views of a training picture. The frozen tower encodes each once; colours stay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageOps


@dataclass(frozen=True, slots=True)
class View:
    """A rotation by `degrees`, then a crop, then a reflection.

    `crop` is (left, top, right, bottom) as shares of the sides. A rotation also cuts off the empty
    corners, so the angle should be small.
    """

    mirrored: bool = False
    crop: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    degrees: float = 0.0

    def apply(self, picture: Image.Image) -> Image.Image:
        """Return the view of an RGB picture."""
        if self.degrees:
            picture = _rotate(picture, self.degrees)
        if self.crop != WHOLE.crop:
            left, top, right, bottom = self.crop
            width, height = picture.size
            picture = picture.crop(
                (
                    round(left * width),
                    round(top * height),
                    round(right * width),
                    round(bottom * height),
                )
            )
        return ImageOps.mirror(picture) if self.mirrored else picture

    @property
    def key(self) -> Sequence[str]:
        """The key in a feature cache; empty for the whole picture, which encoders use too."""
        parts = {"mirrored": self.mirrored, f"crop {self.crop}": self.crop != WHOLE.crop}
        return [
            name
            for name, holds in (parts | {f"turned {self.degrees}": bool(self.degrees)}).items()
            if holds
        ]


WHOLE = View()
MIRRORED = View(mirrored=True)
DEFAULT_VIEWS = (WHOLE, MIRRORED)
VIEWS = {
    "whole": WHOLE,
    "mirrored": MIRRORED,
    "centre": View(crop=(0.08, 0.08, 0.92, 0.92)),
    "centre-mirrored": View(crop=(0.08, 0.08, 0.92, 0.92), mirrored=True),
    "upper-left": View(crop=(0.0, 0.0, 0.85, 0.85)),
    "lower-right": View(crop=(0.15, 0.15, 1.0, 1.0), mirrored=True),
    "turned-left": View(degrees=7.0),
    "turned-right": View(degrees=-7.0, mirrored=True),
}
"""Views by their names on the command line; the first view of a training should be `whole`."""


def _rotate(picture: Image.Image, degrees: float) -> Image.Image:
    """Rotate a picture and return the largest box of the same shape without empty corners."""
    width, height = picture.size
    angle, longer = math.radians(abs(degrees)), max(width / height, height / width)
    kept = 1 / (math.cos(angle) + longer * math.sin(angle))
    left, top = width * (1 - kept) / 2, height * (1 - kept) / 2
    turned = picture.rotate(degrees, Image.Resampling.BICUBIC)
    return turned.crop(
        (math.ceil(left), math.ceil(top), math.floor(width - left), math.floor(height - top))
    )
