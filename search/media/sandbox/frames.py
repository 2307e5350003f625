"""Task of the sandbox process: the frames of a clip, a few per second, scaled down.

Sends `seconds` first, then every frame with its second, at last whether the clip was `whole`
and how many seconds it `lasted`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from search.media.sandbox import animation
from search.media.sandbox.container import (
    MICROSECOND,
    StreamDecoder,
    find_video_stream,
    open_clip,
    read_play_time,
)
from search.media.sandbox.protocol import ClipRejected, send

_LARGE_FRAME = 1920 * 1088
"""Of frames with more pixels, only the codec's key frames are decoded, if these are close enough
to find shots."""

_MAX_KEY_FRAME_GAP_S = 5.0
"""How close key frames of large frames must be."""

_MAX_INDEX_ENTRIES = 300_000
_DENSE = 4.0
"""With this many times the wanted frame rate, frames that no other frame refers to are skipped."""

_MAX_ASPECT = 8
"""The longer side of a frame is at most this many times the requested shorter side."""

_PIXEL_ASPECTS = (0.25, 4.0)
"""Plausible aspect ratios of one pixel."""


def run(request: Mapping[str, Any]) -> None:
    if request["demuxer"] == animation.WEBP:
        _send_animation(request)
    else:
        _send_video(request)


def _send_video(request: Mapping[str, Any]) -> None:
    with open_clip(request) as clip:
        stream = find_video_stream(clip, request["max_pixels"])
        if stream is None:
            raise ClipRejected("no_stream")
        other_tracks = sorted({one.type for one in clip.streams} - {"video"})
        seconds = read_play_time(clip, [stream], request["max_seconds"])
        send({"seconds": seconds, "other_tracks": other_tracks})
        stream.codec_context.thread_type = "NONE"
        stream.codec_context.skip_frame = _frames_to_skip(stream, request["per_second"])
        # Frames that no other refers to need no deblocking: they are scaled down next.
        stream.codec_context.options = {"skip_loop_filter": "noref"}
        decoder = StreamDecoder(clip, stream)
        begin = (clip.start_time or 0) * MICROSECOND
        frames = _with_seconds(decoder, stream, begin, request["max_seconds"])
        for at, frame in _sample(frames, request["per_second"]):
            if frame.width * frame.height > request["max_pixels"]:
                raise ClipRejected("frame_too_large", f"{frame.width} × {frame.height}")
            _send_frame(at, frame, stream, request["side"])
        send({"whole": decoder.is_complete, "lasted": decoder.seconds})


def _frames_to_skip(stream: Any, per_second: float) -> str:
    """Return which frames the decoder may skip (FFmpeg's AVDiscard)."""
    gap = _key_frame_gap(stream)
    is_large = stream.codec_context.width * stream.codec_context.height > _LARGE_FRAME
    if gap <= (max(_MAX_KEY_FRAME_GAP_S, 1 / per_second) if is_large else 1 / per_second):
        return "NONKEY"
    return "NONREF" if float(stream.average_rate or 0) >= _DENSE * per_second else "DEFAULT"


def _key_frame_gap(stream: Any) -> float:
    """Return the longest time between two key frames, in seconds, by the container's index.

    Without an index it is infinite.
    """
    entries = stream.index_entries
    if not 2 <= len(entries) <= _MAX_INDEX_ENTRIES:
        return math.inf
    keys = [entry.timestamp for entry in entries if entry.is_keyframe]
    ends = [*keys[1:], entries[len(entries) - 1].timestamp]
    gaps = [float((end - start) * stream.time_base) for start, end in zip(keys, ends, strict=True)]
    return max(gaps, default=math.inf)


def _with_seconds(
    decoder: StreamDecoder, stream: Any, begin: float, max_seconds: float
) -> Iterator[tuple[float, Any]]:
    """Yield frames with their seconds from the clip's beginning, which never decrease."""
    at, step = 0.0, 1 / float(stream.average_rate or 25)
    for number, frame in enumerate(decoder):
        seconds = at + (step if number else 0.0) if frame.pts is None else frame.time - begin
        at = max(at, seconds)
        if at > max_seconds:
            raise ClipRejected("too_long", f"{at:.1f} s")
        yield at, frame


def _sample(frames: Iterator[tuple[float, Any]], per_second: float) -> Iterator[tuple[float, Any]]:
    """Yield the first frame of every interval of 1 / `per_second` seconds."""
    previous = -1
    for at, frame in frames:
        interval = int(at * per_second + 1e-6)
        if interval > previous:
            previous = interval
            yield at, frame


def _send_frame(at: float, frame: Any, stream: Any, side: int) -> None:
    aspect = float(stream.sample_aspect_ratio or 1)
    stretch = aspect if _PIXEL_ASPECTS[0] <= aspect <= _PIXEL_ASPECTS[1] else 1.0
    width, height = scale_size(frame.width * stretch, frame.height, side)
    mode = "RGBA" if any(part.is_alpha for part in frame.format.components) else "RGB"
    small = frame.reformat(
        width, height, format="rgba" if mode == "RGBA" else "rgb24", interpolation="AREA"
    )
    plane = small.planes[0]
    fields = {"at": at, "width": width, "height": height, "mode": mode, "stride": plane.line_size}
    send({**fields, "turn": frame.rotation}, memoryview(plane))


def scale_size(width: float, height: float, side: int) -> tuple[int, int]:
    """Return the size with the shorter side at most `side`, the longer at most 8 times that."""
    factor = min(1.0, side / min(width, height), _MAX_ASPECT * side / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _send_animation(request: Mapping[str, Any]) -> None:
    with animation.open_animation(request) as image:
        send({"seconds": animation.read_play_time(request), "other_tracks": []})
        width, height = scale_size(*image.size, request["side"])
        for at, picture in _sample(animation.read_frames(image), request["per_second"]):
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
