"""Opens a clip with FFmpeg within limits; reads its play time and the frames of one stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import av
from av.stream import Discard, Disposition

from search.media.sandbox.protocol import ClipRejected

_OPTIONS = {"protocol_whitelist": "none", "probesize": "5000000", "analyzeduration": "5000000"}
MICROSECOND = 1e-6
_TOLERANCE_S, _TOLERANCE = 0.5, 0.02
"""A complete clip may end this much before its play time: seconds, or a share of the play time
if that is more."""


@contextmanager
def open_clip(request: Mapping[str, Any]) -> Iterator[Any]:
    """Open the clip with the one demuxer that is pinned for it."""
    with (
        open(request["path"], "rb") as stream,
        av.open(
            stream, "r", format=request["demuxer"], options=_OPTIONS, metadata_errors="replace"
        ) as clip,
    ):
        yield clip


def find_video_stream(clip: Any, max_pixels: int) -> Any | None:
    """Return the first video stream; a cover picture is none.

    Raises ClipRejected by frame size or codec.
    """
    moving = [one for one in clip.streams.video if not one.disposition & Disposition.attached_pic]
    if not moving:
        return None
    require_decoder(moving[0])
    width, height = moving[0].codec_context.width, moving[0].codec_context.height
    if width * height > max_pixels:
        raise ClipRejected("frame_too_large", f"{width} × {height}")
    return moving[0]


def require_decoder(stream: Any) -> None:
    """Raise ClipRejected if FFmpeg has no decoder for the stream."""
    if stream.codec_context is None:
        raise ClipRejected("no_codec", f"stream {stream.index}")


def read_play_time(clip: Any, streams: Sequence[Any], max_seconds: float) -> float:
    """Return the seconds of the header, or read the packets to the end if it has none.

    Raises ClipRejected over the limit.
    """
    seconds = _clip_seconds(clip, streams) or _read_to_end(clip, streams, max_seconds)
    if seconds > max_seconds:
        raise ClipRejected("too_long", f"{seconds:.1f} s")
    return seconds


def _clip_seconds(clip: Any, streams: Sequence[Any]) -> float:
    if clip.duration:
        return float(clip.duration) * MICROSECOND
    return max((_stated_seconds(clip, one) for one in streams), default=0.0)


def _stated_seconds(clip: Any, stream: Any) -> float:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    if stream.type == "audio" and clip.streams.video:
        return 0.0  # The video may be longer than its audio.
    return float(clip.duration or 0) * MICROSECOND


def _read_to_end(clip: Any, streams: Sequence[Any], max_seconds: float) -> float:
    end = 0.0
    for packet in clip.demux(streams):
        if packet.pts is not None:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if end > max_seconds:
            break
    clip.seek(0)
    return end


def discard_other_streams(stream: Any, clip: Any) -> None:
    """Let the demuxer skip every other stream."""
    for one in clip.streams:
        one.discard = Discard.default if one is stream else Discard.all


class StreamDecoder:
    """Iterates over the frames of one stream; skips what cannot be decoded.

    `is_complete` is False if something was skipped or the clip ended before its play time.
    """

    def __init__(self, clip: Any, stream: Any) -> None:
        self._clip = clip
        self._stream = stream
        self.is_complete = True
        self._end = 0.0

    @property
    def seconds(self) -> float:
        """Seconds decoded so far, counted from the clip's beginning."""
        return max(0.0, self._end - (self._clip.start_time or 0) * MICROSECOND)

    def __iter__(self) -> Iterator[Any]:
        discard_other_streams(self._stream, self._clip)
        packets = self._clip.demux(self._stream)
        while (packet := self._next_packet(packets)) is not None:
            yield from self._decode(packet)
        yield from self._decode(None)
        stated = _stated_seconds(self._clip, self._stream)
        self.is_complete = self.is_complete and self._end >= stated - max(
            _TOLERANCE_S, _TOLERANCE * stated
        )

    def _next_packet(self, packets: Iterator[Any]) -> Any | None:
        try:
            packet = next(packets, None)
        except MemoryError:
            raise
        except (av.FFmpegError, ValueError):
            self.is_complete = False
            return None
        if packet is not None and packet.pts is not None:
            self._end = max(
                self._end, float((packet.pts + (packet.duration or 0)) * packet.time_base)
            )
        return packet

    def _decode(self, packet: Any | None) -> list[Any]:
        try:
            found = self._stream.codec_context.decode(packet)
        except av.EOFError:
            return []
        except MemoryError:
            raise
        except (av.FFmpegError, ValueError):
            self.is_complete = False
            return []
        good = [frame for frame in found if not frame.is_corrupt]
        self.is_complete = self.is_complete and len(good) == len(found)
        return good
