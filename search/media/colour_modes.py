"""Converts any of Pillow's colour modes to RGB."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_WHITE = (255, 255, 255, 255)


class ModeError(Exception):
    """A colour mode that cannot be converted to RGB."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        super().__init__(mode)


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a loaded picture of any mode: transparency on white, deep values scaled.

    CMYK is converted by the picture's own ICC profile. Raises ModeError for a mode that cannot
    be converted.
    """
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        image = _scale_to_8_bits(image)
    if image.has_transparency_data:
        canvas = Image.new("RGBA", image.size, _WHITE)
        canvas.alpha_composite(image.convert("RGBA"))
        return canvas.convert("RGB")
    if image.mode == "CMYK" and (profile := image.info.get("icc_profile")):
        return _convert_by_icc(image, profile)
    if image.mode == "LAB":
        return _transform(image, ImageCms.createProfile("LAB"))
    try:
        return image.convert("RGB")
    except ValueError as error:
        raise ModeError(image.mode) from error


def _convert_by_icc(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert by the ICC profile, or by the plain formula if the profile does not work."""
    try:
        return _transform(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image.convert("RGB")


def _transform(image: Image.Image, profile: Any) -> Image.Image:
    converted = ImageCms.profileToProfile(
        image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    if converted is None:
        raise ModeError(image.mode)
    return converted


def _scale_to_8_bits(image: Image.Image) -> Image.Image:
    """Convert 32-bit or float grey to 8-bit grey.

    Float in [0, 1] and numbers that fit 8 or 16 bits have a known white; other values are
    stretched from the smallest to the largest. Values that are not finite become black.
    """
    values = np.nan_to_num(np.asarray(image, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, white = _value_range(values, image.mode)
    return Image.fromarray(
        np.clip((values - low) * (255.0 / (white - low)) + 0.5, 0, 255).astype(np.uint8)
    )


def _value_range(values: npt.NDArray[np.float32], mode: str) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    known = (1.0, 255.0, 65535.0) if mode == "F" else (255.0, 65535.0)
    white = next((bound for bound in known if low >= 0 and high <= bound), None)
    if white is not None:
        return 0.0, white
    return low, max(high, low + 1.0)
