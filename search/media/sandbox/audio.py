"""Task of the sandbox process: the first audio track, resampled to one channel of float32.

Sends `seconds` first, then pieces of about a second, at last whether the track was `whole`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import av

from search.media.sandbox import animation
from search.media.sandbox.container import (
    MICROSECOND,
    StreamDecoder,
    find_video_stream,
    open_clip,
    read_play_time,
    require_decoder,
)
from search.media.sandbox.protocol import ClipRejected, send

_MAX_CHANNELS = 8
"""7.1; the resampler cannot mix more to one."""

_RATES = range(1_000, 768_001)
_SAMPLE_BYTES = 4


def run(request: Mapping[str, Any]) -> None:
    """Send the audio; of a video without an audio track only that it is whole."""
    if request["demuxer"] != animation.WEBP:
        with open_clip(request) as clip:
            if stream := next(iter(clip.streams.audio), None):
                return _send_audio(request, clip, stream)
            if find_video_stream(clip, request["max_pixels"]) is None:
                raise ClipRejected("no_stream")
    return send({"whole": True})


def _send_audio(request: Mapping[str, Any], clip: Any, stream: Any) -> None:
    _check(stream)
    send({"seconds": read_play_time(clip, [stream], request["max_seconds"])})
    decoder, rate = StreamDecoder(clip, stream), request["rate"]
    begin = (clip.start_time or 0) * MICROSECOND
    waiting, second, seconds = bytearray(), rate * _SAMPLE_BYTES, 0
    for piece in _resample(decoder, begin, rate, request["max_seconds"]):
        waiting += piece
        while len(waiting) >= second:
            send({}, bytes(waiting[:second]))
            del waiting[:second]
            seconds += 1
            if seconds > request["max_seconds"] + 1:  # The header states less.
                raise ClipRejected("too_long", f"over {seconds} s")
    send({}, bytes(waiting))
    send({"whole": decoder.is_complete})


def _check(stream: Any) -> None:
    require_decoder(stream)
    stream.codec_context.thread_type = "NONE"
    if not 1 <= stream.channels <= _MAX_CHANNELS:
        raise ClipRejected("channels", f"{stream.channels} channels")
    if stream.rate not in _RATES:
        raise ClipRejected("rate", f"{stream.rate} Hz")


def _resample(
    decoder: StreamDecoder, begin: float, rate: int, max_seconds: float
) -> Iterator[bytes]:
    """Yield samples from the clip's beginning: silence until its audio track begins."""
    resampler = None
    for frame in decoder:
        if resampler is None:
            late = 0.0 if frame.pts is None else frame.time - begin
            yield from _silence(min(late, max_seconds), rate)
            resampler = _resampler(rate)
        frame.pts = None  # Else gaps between timestamps are filled with silence, however long.
        try:
            pieces = resampler.resample(frame)
        except ValueError:  # The rate or layout changes here, as in chained Ogg.
            yield from _samples(resampler.resample(None))
            resampler = _resampler(rate)
            pieces = resampler.resample(frame)
        yield from _samples(pieces)
    if resampler is not None:
        yield from _samples(resampler.resample(None))


def _resampler(rate: int) -> av.AudioResampler:
    # Channel weights add up to 1, so mono sound stored as stereo keeps its loudness.
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
