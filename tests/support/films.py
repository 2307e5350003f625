"""Small videos, written frame by frame with PyAV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.subtitles.subtitle import SubtitleSet

Picture = npt.NDArray[np.uint8]
_CLOCK = Fraction(1, 1000)
_STYLES = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, \
Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, \
Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (64, 48)) -> Picture:
    """Return a picture of one colour, (height, width, 3)."""
    return np.full((size[1], size[0], 3), colour, np.uint8)


def square_on(
    colours: Sequence[tuple[int, int, int]], seconds: float, rate: int = 10
) -> Iterator[tuple[float, Picture]]:
    """Yield frames of a moving white square on backgrounds of these colours."""
    each = round(seconds * rate)
    for number in range(each * len(colours)):
        picture = plain(colours[number // each], (320, 180))
        left = 8 * (number % 30)
        picture[70:110, left : left + 40] = 255
        yield number / rate, picture


def write_film(
    path: Path,
    shown: Iterable[tuple[float, Picture]],
    *,
    codec: str = "libx264",
    container: str | None = None,
    shape: Fraction | None = None,
    options: dict[str, str] | None = None,
    clock: Fraction = _CLOCK,
) -> Path:
    """Write a video; each picture starts at its second, `shape` is the aspect ratio of a pixel."""
    index_first = {"movflags": "faststart"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", format=container, options=index_first) as clip:
        stream: Any = None
        for at, picture in shown:
            if stream is None:
                stream = clip.add_stream(codec, rate=25, options=options or {})
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = {"gif": "rgb8", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
                stream.codec_context.time_base = clock
                if shape:
                    stream.codec_context.sample_aspect_ratio = shape
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(at / clock), clock
            clip.mux(stream.encode(frame))
        clip.mux(stream.encode(None))
    return path


def turn_film(path: Path) -> Path:
    """Set a rotation by 90° clockwise in the header of an MP4 (ISO 14496-12, tkhd)."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    turned = (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    data[place : place + 36] = b"".join(number.to_bytes(4, "big", signed=True) for number in turned)
    path.write_bytes(data)
    return path


def write_titled(
    path: Path, cues: Iterable[tuple[float, float, str]], codec: str = "subrip", seconds: int = 6
) -> Path:
    """Write a video with one frame per second and subtitles: start, end, text."""
    with av.open(str(path), "w") as clip:
        pictures: Any = clip.add_stream("mpeg4", rate=1)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        words: Any = clip.add_stream(codec)
        words.codec_context.subtitle_header = _STYLES
        for number in range(seconds):
            clip.mux(
                pictures.encode(
                    av.VideoFrame.from_ndarray(plain((number * 40, 90, 90)), format="rgb24")
                )
            )
        clip.mux(pictures.encode(None))
        for start, end, text in cues:
            line = f"0,0,Default,,0,0,0,,{text}".encode()
            shown = SubtitleSet.create(line, 0, round((end - start) * 1000))
            packet = (
                av.Packet(text.encode())
                if codec == "subrip"
                else words.codec_context.encode_subtitle(shown)
            )
            packet.stream, packet.time_base = words, Fraction(1, 1000)
            packet.pts = packet.dts = round(start * 1000)
            packet.duration = round((end - start) * 1000)
            clip.mux(packet)
    return path
