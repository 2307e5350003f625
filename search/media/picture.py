"""Bounded decoding of pictures: the result is an RGB picture of limited size or a MediaError.

Bytes, pixels and aspect ratio are checked from the header, before anything is decoded. The limit
of pixels also limits time: decoding takes at most a few tens of nanoseconds per pixel, so 80
megapixels take seconds in any accepted format.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image

from search.errors import MediaTooLarge, MediaUnreadable, MediaUnsupported
from search.media.colour_modes import ModeError, to_rgb
from search.media.file_formats import ACCEPTED, Source, detect_format
from search.media.limits import PictureLimits
from search.types import Modality

# Pillow warns about damaged metadata, which concerns the uploader and not the server's log.
# Appended, so that the process's own filters take precedence. Thread-safe, unlike
# `warnings.catch_warnings`.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.", append=True)
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning, append=True)

DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    EOFError,
    AssertionError,
    struct.error,
    zlib.error,
)
"""Exceptions that Pillow's readers are known to raise for broken files."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation → the transposition that reverts it (Exif 2.32, tag 0x0112)."""


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """Properties in the header. Width and height are as displayed, EXIF orientation applied."""

    width: int
    height: int
    format: str
    mode: str
    bytes: int


def read_picture_info(source: Source, limits: PictureLimits) -> PictureInfo:
    """Read the header only. Raises what `decode_picture` raises, as far as the header tells."""
    data, kind = _read(source, limits)
    with _open(data, kind, limits) as image:
        width, height = image.size
        # The TIFF reader reports the rotated size itself.
        if _orientation(image) >= 5 and kind != "TIFF":
            width, height = height, width
        return PictureInfo(width, height, format=kind.lower(), mode=image.mode, bytes=len(data))


def decode_picture(source: Source, limits: PictureLimits, *, at_least: int = 0) -> Image.Image:
    """Decode the first frame to RGB, with EXIF orientation applied and transparency on white.

    `at_least` is the shorter side, in pixels, that the caller needs: a larger picture is decoded
    at 1/2, 1/4 or 1/8 where the format supports it (JPEG), else reduced by a whole factor, never
    below `at_least`. 0 keeps every pixel. Thread-safe.

    Raises MediaTooLarge (bytes, pixels or aspect ratio over the limit), MediaUnreadable (empty,
    truncated or corrupt) and MediaUnsupported (format not accepted); an OSError of reading the
    file passes through.
    """
    data, kind = _read(source, limits)
    with _open(data, kind, limits) as image:
        if at_least:
            image.draft(None, (at_least, at_least))
        image.load()
        # After loading: the TIFF reader rotates the picture itself and clears the tag.
        turn = _TURNS.get(_orientation(image))
        picture = _reduce(to_rgb(image), at_least)
    return picture.transpose(turn) if turn is not None else picture


def _read(source: Source, limits: PictureLimits) -> tuple[bytes, str]:
    """Return the content and the name of Pillow's reader for it.

    The file is read first, so that an I/O error is not taken for a broken file.
    """
    found = detect_format(source)
    if found.kind is not Modality.PICTURE:
        raise MediaUnsupported(
            "the file is no picture", value=found.name, fix=f"Accepted: {ACCEPTED}."
        )
    data = _read_bounded(source, limits.max_bytes)
    if len(data) > limits.max_bytes:
        size = len(source) if isinstance(source, bytes) else f"more than {limits.max_bytes}"
        raise MediaTooLarge(
            f"the picture file is over the limit of {limits.max_bytes} bytes",
            value=size,
            fix="Save it smaller.",
        )
    return data, found.pillow


def _read_bounded(source: Source, max_bytes: int) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, Path):
        with source.open("rb") as stream:
            return stream.read(max_bytes + 1)
    return source.read(max_bytes + 1)


@contextmanager
def _open(data: bytes, kind: str, limits: PictureLimits) -> Iterator[Image.Image]:
    """Open the picture and check its header; turn failures of the reader into MediaErrors."""
    try:
        with Image.open(io.BytesIO(data), formats=(kind,)) as image:
            _check(image, limits)
            yield image
    except Image.DecompressionBombError as error:
        raise MediaTooLarge(
            f"the picture is over the limit of {limits.max_pixels} pixels: {error}"
        ) from error
    except ModeError as error:
        raise MediaUnsupported(
            "the picture's colours cannot be read", value=error.mode, fix="Save it as RGB."
        ) from error
    except DAMAGED as error:
        raise MediaUnreadable(
            "the picture is corrupt or truncated", value=str(error), fix="Save or upload it again."
        ) from error


def _check(image: Image.Image, limits: PictureLimits) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise MediaUnreadable("the picture has no pixels", value=f"{width} × {height}")
    if width * height > limits.max_pixels:
        raise MediaTooLarge(
            f"the picture is over the limit of {limits.max_pixels} pixels",
            value=f"{width} × {height} = {width * height}",
            fix="Save it smaller.",
        )
    if max(width, height) > limits.max_aspect * min(width, height):
        raise MediaTooLarge(
            f"one side is over {limits.max_aspect:g} times the other",
            value=f"{width} × {height}",
            fix="Crop it.",
        )


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except DAMAGED:
        return 1  # A damaged EXIF block does not affect the pixels.


def _reduce(picture: Image.Image, at_least: int) -> Image.Image:
    factor = min(picture.size) // at_least if at_least else 1
    return picture.reduce(factor) if factor > 1 else picture
