"""Animated WebP, which Pillow reads and FFmpeg does not.

The play time is in the headers of the frames
(https://developers.google.com/speed/webp/docs/riff_container).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.media.sandbox.protocol import ClipRejected

if TYPE_CHECKING:
    from PIL import Image, ImageFile

WEBP = "webp"
_CHUNK = struct.Struct("<4sI")
_DURATION = slice(12, 15)
_MILLISECOND = 1e-3

Frame = tuple[float, "Image.Image"]
"""Seconds from the beginning, and the picture, RGB or RGBA."""


def probe(request: Mapping[str, Any]) -> dict[str, Any]:
    """Decode the first frame; return the fields of ClipInfo."""
    with open_animation(request) as image:
        image.load()
        return {
            "seconds": read_play_time(request),
            "width": image.width,
            "height": image.height,
            "codecs": [WEBP],
        }


def open_animation(request: Mapping[str, Any]) -> ImageFile.ImageFile:
    """Open an animated WebP without decoding it.

    Raises ClipRejected by the size of the canvas in its extended header.
    """
    with Path(request["path"]).open("rb") as file:
        head = file.read(30)
    if head[12:16] == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        if width * height > request["max_pixels"]:
            raise ClipRejected("frame_too_large", f"{width} × {height}")
    # Imported here: most clips are no WebP, and each clip starts several processes.
    from PIL import Image

    return Image.open(request["path"], formats=("WEBP",))


def read_play_time(request: Mapping[str, Any]) -> float:
    """Add up the durations of all frames, in seconds. Raises ClipRejected over the limit."""
    seconds = sum(_durations(Path(request["path"]))) * _MILLISECOND
    if seconds > request["max_seconds"]:
        raise ClipRejected("too_long", f"{seconds:.1f} s")
    return seconds


def read_frames(image: ImageFile.ImageFile) -> Iterator[Frame]:
    """Yield every frame. Raises what Pillow raises when the file breaks off."""
    at = 0.0
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        image.load()
        yield at, image
        at += image.info.get("duration", 0) * _MILLISECOND


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
