"""Task of the child process: the first sound track of a clip, resampled to one channel of float32.

Says `seconds` first, then pieces of about a second, at last whether the sound was `whole`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import av

from search.media.sandbox import animation
from search.media.sandbox.container import (
    MICROSECOND,
    Decoding,
    known,
    opened,
    picture_stream,
    play_time,
)
from search.media.sandbox.protocol import Refused, send

_MOST_CHANNELS = 8
"""7.1; the resampler knows no way from more to one."""

_RATES = range(1_000, 768_001)
_SAMPLE_BYTES = 4


def run(asked: Mapping[str, Any]) -> None:
    """A clip of pictures alone says only that it is whole; one without either is refused."""
    if asked["demuxer"] != animation.WEBP:
        with opened(asked) as clip:
            if stream := next(iter(clip.streams.audio), None):
                return _send_sound(asked, clip, stream)
            if picture_stream(clip, asked["max_pixels"]) is None:
                raise Refused("no_stream")
    return send({"whole": True})


def _send_sound(asked: Mapping[str, Any], clip: Any, stream: Any) -> None:
    _check(stream)
    send({"seconds": play_time(clip, [stream], asked["max_seconds"])})
    decoding, rate = Decoding(clip, stream), asked["rate"]
    begin = (clip.start_time or 0) * MICROSECOND
    waiting, second, seconds = bytearray(), rate * _SAMPLE_BYTES, 0
    for piece in _resampled(decoding, begin, rate, asked["max_seconds"]):
        waiting += piece
        while len(waiting) >= second:
            send({}, bytes(waiting[:second]))
            del waiting[:second]
            seconds += 1
            if seconds > asked["max_seconds"] + 1:  # The header told less.
                raise Refused("too_long", f"over {seconds} s")
    send({}, bytes(waiting))
    send({"whole": decoding.whole})


def _check(stream: Any) -> None:
    known(stream)
    stream.codec_context.thread_type = "NONE"
    if not 1 <= stream.channels <= _MOST_CHANNELS:
        raise Refused("channels", f"{stream.channels} channels")
    if stream.rate not in _RATES:
        raise Refused("rate", f"{stream.rate} Hz")


def _resampled(decoding: Decoding, begin: float, rate: int, max_seconds: float) -> Iterator[bytes]:
    """Samples from the clip's beginning: silence where its sound track begins later."""
    resampler = None
    for frame in decoding:
        if resampler is None:
            late = 0.0 if frame.pts is None else frame.time - begin
            yield from _silence(min(late, max_seconds), rate)
            resampler = _resampler(rate)
        frame.pts = None  # Gaps that time stamps tell of would be filled, however long.
        try:
            pieces = resampler.resample(frame)
        except ValueError:  # Another rate or layout from here on, as in chained Ogg.
            yield from _samples(resampler.resample(None))
            resampler = _resampler(rate)
            pieces = resampler.resample(frame)
        yield from _samples(pieces)
    if resampler is not None:
        yield from _samples(resampler.resample(None))


def _resampler(rate: int) -> av.AudioResampler:
    # Weights of the channels that add up to 1: a mono sound saved as stereo stays as loud as it is.
    return av.AudioResampler(
        format="flt", layout="mono", rate=rate, options={"rematrix_maxval": "1"}
    )


def _samples(pieces: list[Any]) -> Iterator[bytes]:
    for piece in pieces:
        yield bytes(piece.planes[0])[: piece.samples * _SAMPLE_BYTES]


def _silence(seconds: float, rate: int) -> Iterator[bytes]:
    left = round(max(seconds, 0.0) * rate)
    while left > 0:
        yield bytes(min(left, rate) * _SAMPLE_BYTES)
        left -= rate
