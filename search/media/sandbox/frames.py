"""Task of the child process: the pictures of a clip, a few a second, scaled down.

Says `seconds` first, then every picture with its second, at last whether the clip was
`whole` and how many seconds it `lasted`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from search.media.sandbox import animation
from search.media.sandbox.container import MICROSECOND, Decoding, opened, picture_stream, play_time
from search.media.sandbox.protocol import Refused, send

_LARGE = 1920 * 1088
"""Pixels of a frame above which key frames alone are decoded, where they lie close enough for
finding shots."""

_GAP_LARGE = 5.0
"""Seconds between key frames that are close enough then."""

_MOST_ENTRIES = 300_000
_DENSE = 4.0
"""Frames that others refer to are enough where the clip has this many times as many as are
wanted."""

_LONGEST = 8
"""A picture's longer side is at most this many times the shorter side that was asked for."""

_PIXEL_SHAPES = (0.25, 4.0)
"""Proportions of one pixel that are believed."""


def run(asked: Mapping[str, Any]) -> None:
    if asked["demuxer"] == animation.WEBP:
        _animation(asked)
    else:
        _film(asked)


def _film(asked: Mapping[str, Any]) -> None:
    with opened(asked) as clip:
        stream = picture_stream(clip, asked["max_pixels"])
        if stream is None:
            raise Refused("no_stream")
        beside = sorted({one.type for one in clip.streams} - {"video"})
        send({"seconds": play_time(clip, [stream], asked["max_seconds"]), "beside": beside})
        stream.codec_context.thread_type = "NONE"
        stream.codec_context.skip_frame = _skipped(stream, asked["per_second"])
        # What no other frame is made from may keep its blocks: it is scaled down next.
        stream.codec_context.options = {"skip_loop_filter": "noref"}
        decoding = Decoding(clip, stream)
        begin = (clip.start_time or 0) * MICROSECOND
        for at, frame in _sampled(
            _timed(decoding, stream, begin, asked["max_seconds"]), asked["per_second"]
        ):
            if frame.width * frame.height > asked["max_pixels"]:
                raise Refused("frame_too_large", f"{frame.width} × {frame.height}")
            _send_frame(at, frame, stream, asked["side"])
        send({"whole": decoding.whole, "lasted": decoding.seconds})


def _skipped(stream: Any, per_second: float) -> str:
    """Which frames the decoder need not decode (FFmpeg's AVDiscard)."""
    gap = _key_frame_gap(stream)
    large = stream.codec_context.width * stream.codec_context.height > _LARGE
    if gap <= (max(_GAP_LARGE, 1 / per_second) if large else 1 / per_second):
        return "NONKEY"
    return "NONREF" if float(stream.average_rate or 0) >= _DENSE * per_second else "DEFAULT"


def _key_frame_gap(stream: Any) -> float:
    """The longest time between two key frames in seconds, by the container's index; without one,
    endless.
    """
    entries = stream.index_entries
    if not 2 <= len(entries) <= _MOST_ENTRIES:
        return math.inf
    keys = [entry.timestamp for entry in entries if entry.is_keyframe]
    ends = [*keys[1:], entries[len(entries) - 1].timestamp]
    gaps = [float((end - start) * stream.time_base) for start, end in zip(keys, ends, strict=True)]
    return max(gaps, default=math.inf)


def _timed(
    decoding: Decoding, stream: Any, begin: float, max_seconds: float
) -> Iterator[tuple[float, Any]]:
    """Frames with their seconds from the clip's beginning, which never run backwards."""
    at, step = 0.0, 1 / float(stream.average_rate or 25)
    for number, frame in enumerate(decoding):
        told = at + (step if number else 0.0) if frame.pts is None else frame.time - begin
        at = max(at, told)
        if at > max_seconds:
            raise Refused("too_long", f"{at:.1f} s")
        yield at, frame


def _sampled(timed: Iterator[tuple[float, Any]], per_second: float) -> Iterator[tuple[float, Any]]:
    """The first frame of every stretch of 1 / `per_second` seconds that has one."""
    former = -1
    for at, frame in timed:
        stretch = int(at * per_second + 1e-6)
        if stretch > former:
            former = stretch
            yield at, frame


def _send_frame(at: float, frame: Any, stream: Any, side: int) -> None:
    shape = float(stream.sample_aspect_ratio or 1)
    wide = shape if _PIXEL_SHAPES[0] <= shape <= _PIXEL_SHAPES[1] else 1.0
    width, height = scaled(frame.width * wide, frame.height, side)
    mode = "RGBA" if any(part.is_alpha for part in frame.format.components) else "RGB"
    small = frame.reformat(
        width, height, format="rgba" if mode == "RGBA" else "rgb24", interpolation="AREA"
    )
    plane = small.planes[0]
    fields = {"at": at, "width": width, "height": height, "mode": mode, "stride": plane.line_size}
    send({**fields, "turn": frame.rotation}, memoryview(plane))


def scaled(width: float, height: float, side: int) -> tuple[int, int]:
    """The size with the shorter side at most `side`, the longer one at most `_LONGEST` times
    that.
    """
    factor = min(1.0, side / min(width, height), _LONGEST * side / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _animation(asked: Mapping[str, Any]) -> None:
    with animation.opened(asked) as image:
        send({"seconds": animation.play_time(asked), "beside": []})
        width, height = scaled(*image.size, asked["side"])
        for at, picture in _sampled(animation.frames(image), asked["per_second"]):
            small = picture.convert("RGBA").resize((width, height), reducing_gap=2.0)
            fields = {
                "at": at,
                "width": width,
                "height": height,
                "mode": "RGBA",
                "stride": width * 4,
                "turn": 0,
            }
            send(fields, small.tobytes())
