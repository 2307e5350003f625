"""Task of the sandbox process: the cues of the first subtitle track that is text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import av

from search.media.sandbox.container import (
    MICROSECOND,
    discard_other_streams,
    open_clip,
    read_play_time,
)
from search.media.sandbox.protocol import send

_TEXT_CODECS = frozenset({"mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text"})
"""Subtitle codecs that are text; the others are pictures."""


def run(request: Mapping[str, Any]) -> None:
    """Send at most `max_cues` cues of at most `max_characters`; nothing for a clip without any."""
    with open_clip(request) as clip:
        stream = next((one for one in clip.streams.subtitles if _is_text(one)), None)
        if stream is None:
            return
        send({"seconds": read_play_time(clip, [stream], request["max_seconds"])})
        begin = (clip.start_time or 0) * MICROSECOND
        for start, end, text in islice(_cues(clip, stream), request["max_cues"]):
            if start - begin > request["max_seconds"]:
                return
            send(
                {
                    "start": max(0.0, start - begin),
                    "end": end - begin,
                    "text": text[: request["max_characters"]],
                }
            )


def _cues(clip: Any, stream: Any) -> Iterator[tuple[float, float, str]]:
    """Yield start, end and text of cues until the clip ends or breaks off.

    Cues that cannot be decoded are skipped.
    """
    discard_other_streams(stream, clip)
    packets = clip.demux(stream)
    while (packet := _try_read(next, packets, None)) is not None:
        found = _try_read(stream.codec_context.decode2, packet) or ()
        texts = [one.dialogue.decode("utf-8", "replace") for one in found if one.type == b"ass"]
        if packet.pts is not None and texts:
            start = float(packet.pts * packet.time_base)
            yield start, start + float((packet.duration or 0) * packet.time_base), " ".join(texts)


def _try_read(read: Callable[..., Any], *given: Any) -> Any | None:
    try:
        return read(*given)
    except MemoryError:
        raise
    except (av.FFmpegError, ValueError):
        return None


def _is_text(stream: Any) -> bool:
    return stream.codec_context is not None and stream.codec_context.name in _TEXT_CODECS
