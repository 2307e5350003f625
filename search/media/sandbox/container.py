"""Opening a clip within limits, its play time, and the frames of one of its streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import av
from av.stream import Discard, Disposition

from search.media.sandbox.protocol import Refused

_OPTIONS = {"protocol_whitelist": "none", "probesize": "5000000", "analyzeduration": "5000000"}
MICROSECOND = 1e-6
_SHORT_S, _SHORT = 0.5, 0.02
"""How much earlier than its play time says a whole clip may end: seconds, or a share of it where
that is more."""


@contextmanager
def opened(asked: Mapping[str, Any]) -> Iterator[Any]:
    """The clip behind the one demuxer that was pinned for it."""
    with (
        open(asked["path"], "rb") as stream,
        av.open(
            stream, "r", format=asked["demuxer"], options=_OPTIONS, metadata_errors="replace"
        ) as clip,
    ):
        yield clip


def picture_stream(clip: Any, max_pixels: int) -> Any | None:
    """The first stream of moving pictures; a cover picture is none. Raises Refused by frame size
    or codec.
    """
    moving = [one for one in clip.streams.video if not one.disposition & Disposition.attached_pic]
    if not moving:
        return None
    known(moving[0])
    width, height = moving[0].codec_context.width, moving[0].codec_context.height
    if width * height > max_pixels:
        raise Refused("frame_too_large", f"{width} × {height}")
    return moving[0]


def known(stream: Any) -> None:
    """Raises Refused where FFmpeg has no decoder for the stream."""
    if stream.codec_context is None:
        raise Refused("no_codec", f"stream {stream.index}")


def play_time(clip: Any, streams: Sequence[Any], max_seconds: float) -> float:
    """Seconds by the header, or by reading packets to the end where the header does not say.

    Raises Refused where they are over the limit.
    """
    seconds = _told(clip, streams) or _read(clip, streams, max_seconds)
    if seconds > max_seconds:
        raise Refused("too_long", f"{seconds:.1f} s")
    return seconds


def _told(clip: Any, streams: Sequence[Any]) -> float:
    if clip.duration:
        return float(clip.duration) * MICROSECOND
    return max((_told_of(clip, one) for one in streams), default=0.0)


def _told_of(clip: Any, stream: Any) -> float:
    if stream.duration:
        return float(stream.duration * stream.time_base)
    if stream.type == "audio" and clip.streams.video:
        return 0.0  # The pictures may go on without sound.
    return float(clip.duration or 0) * MICROSECOND


def _read(clip: Any, streams: Sequence[Any], max_seconds: float) -> float:
    end = 0.0
    for packet in clip.demux(streams):
        if packet.pts is not None:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if end > max_seconds:
            break
    clip.seek(0)
    return end


def leave_out_but(stream: Any, clip: Any) -> None:
    """Let the demuxer pass over every other stream."""
    for one in clip.streams:
        one.discard = Discard.default if one is stream else Discard.all


class Decoding:
    """The frames of one stream. What cannot be decoded is left out; `whole` is False where that
    happened, or where the clip ended before its play time.
    """

    def __init__(self, clip: Any, stream: Any) -> None:
        self._clip = clip
        self._stream = stream
        self.whole = True
        self._end = 0.0

    @property
    def seconds(self) -> float:
        """How long the stream has lasted so far, counted from the clip's beginning."""
        return max(0.0, self._end - (self._clip.start_time or 0) * MICROSECOND)

    def __iter__(self) -> Iterator[Any]:
        leave_out_but(self._stream, self._clip)
        packets = self._clip.demux(self._stream)
        while (packet := self._next(packets)) is not None:
            yield from self._frames(packet)
        yield from self._frames(None)
        told = _told_of(self._clip, self._stream)
        self.whole = self.whole and self._end >= told - max(_SHORT_S, _SHORT * told)

    def _next(self, packets: Iterator[Any]) -> Any | None:
        try:
            packet = next(packets, None)
        except MemoryError:
            raise
        except (av.FFmpegError, ValueError):
            self.whole = False
            return None
        if packet is not None and packet.pts is not None:
            self._end = max(
                self._end, float((packet.pts + (packet.duration or 0)) * packet.time_base)
            )
        return packet

    def _frames(self, packet: Any | None) -> list[Any]:
        try:
            found = self._stream.codec_context.decode(packet)
        except av.EOFError:
            return []
        except MemoryError:
            raise
        except (av.FFmpegError, ValueError):
            self.whole = False
            return []
        good = [frame for frame in found if not frame.is_corrupt]
        self.whole = self.whole and len(good) == len(found)
        return good
