"""Animated WebP, which Pillow reads and FFmpeg does not.

The play time stands in the headers of the frames
(https://developers.google.com/speed/webp/docs/riff_container).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.media.sandbox.protocol import Refused

if TYPE_CHECKING:
    from PIL import Image, ImageFile

WEBP = "webp"
_CHUNK = struct.Struct("<4sI")
_DURATION = slice(12, 15)
_MILLISECOND = 1e-3

Frame = tuple[float, "Image.Image"]
"""Seconds from the beginning, and the picture, RGB or RGBA."""


def probe(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ClipInfo; the first frame is decoded."""
    with opened(asked) as image:
        image.load()
        return {
            "seconds": play_time(asked),
            "width": image.width,
            "height": image.height,
            "codecs": [WEBP],
        }


def opened(asked: Mapping[str, Any]) -> ImageFile.ImageFile:
    """Raises Refused by the size of its canvas, which its extended header tells, before anything
    is decoded.
    """
    with Path(asked["path"]).open("rb") as file:
        head = file.read(30)
    if head[12:16] == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        if width * height > asked["max_pixels"]:
            raise Refused("frame_too_large", f"{width} × {height}")
    # Imported here: most clips are none of these, and each has several processes.
    from PIL import Image

    return Image.open(asked["path"], formats=("WEBP",))


def play_time(asked: Mapping[str, Any]) -> float:
    """Raises Refused where it is over the limit."""
    seconds = sum(_durations(Path(asked["path"]))) * _MILLISECOND
    if seconds > asked["max_seconds"]:
        raise Refused("too_long", f"{seconds:.1f} s")
    return seconds


def frames(image: ImageFile.ImageFile) -> Iterator[Frame]:
    """Every frame as it comes. Raises what Pillow raises where the file breaks off."""
    shown = 0.0
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        image.load()
        yield shown, image
        shown += image.info.get("duration", 0) * _MILLISECOND


def _durations(path: Path) -> Iterator[int]:
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(_CHUNK.size)) == _CHUNK.size:
            name, size = _CHUNK.unpack(head)
            if name == b"ANMF":
                yield int.from_bytes(file.read(16)[_DURATION], "little")
                file.seek(size - 16, 1)
            else:
                file.seek(size, 1)
            file.seek(size % 2, 1)
