"""Views of a training picture, as data: each is decoded and seen by the frozen tower once. None
changes a colour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageOps


@dataclass(frozen=True, slots=True)
class View:
    """Turned by `degrees`, cut to the box `crop` (left, top, right, bottom, as shares of the
    sides), then mirrored.

    Turning also cuts away the corners that it leaves empty, so the angle should be small.
    """

    mirrored: bool = False
    crop: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    degrees: float = 0.0

    def of(self, picture: Image.Image) -> Image.Image:
        """RGB picture → RGB picture."""
        if self.degrees:
            picture = _turned(picture, self.degrees)
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
        """Names the view in a cache. The whole picture has no name: its features are those of an
        encoder.
        """
        parts = {"mirrored": self.mirrored, f"crop {self.crop}": self.crop != WHOLE.crop}
        return [
            name
            for name, holds in (parts | {f"turned {self.degrees}": bool(self.degrees)}).items()
            if holds
        ]


WHOLE = View()
MIRRORED = View(mirrored=True)
USUAL = (WHOLE, MIRRORED)
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
"""Views by the names that the command line takes; the first of a training should be `whole`."""


def _turned(picture: Image.Image, degrees: float) -> Image.Image:
    """The largest box of the picture's shape that holds no empty corner."""
    width, height = picture.size
    angle, longer = math.radians(abs(degrees)), max(width / height, height / width)
    kept = 1 / (math.cos(angle) + longer * math.sin(angle))
    left, top = width * (1 - kept) / 2, height * (1 - kept) / 2
    turned = picture.rotate(degrees, Image.Resampling.BICUBIC)
    return turned.crop(
        (math.ceil(left), math.ceil(top), math.floor(width - left), math.floor(height - top))
    )
