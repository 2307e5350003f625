"""Task of the child process: the texts of the first subtitle track that holds text, each with
its seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import av

from search.media.sandbox.container import MICROSECOND, leave_out_but, opened, play_time
from search.media.sandbox.protocol import send

_TEXTS = frozenset({"mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text"})
"""Codecs of subtitles that are text; the others are pictures."""


def run(asked: Mapping[str, Any]) -> None:
    """At most `most` texts of at most `longest` characters; nothing for a clip without any."""
    with opened(asked) as clip:
        stream = next((one for one in clip.streams.subtitles if _is_text(one)), None)
        if stream is None:
            return
        send({"seconds": play_time(clip, [stream], asked["max_seconds"])})
        begin = (clip.start_time or 0) * MICROSECOND
        for start, end, text in islice(_cues(clip, stream), asked["most"]):
            if start - begin > asked["max_seconds"]:
                return
            send(
                {
                    "start": max(0.0, start - begin),
                    "end": end - begin,
                    "text": text[: asked["longest"]],
                }
            )


def _cues(clip: Any, stream: Any) -> Iterator[tuple[float, float, str]]:
    """Start, end and text, until the clip ends or breaks off; what cannot be decoded is left
    out.
    """
    leave_out_but(stream, clip)
    packets = clip.demux(stream)
    while (packet := _good(next, packets, None)) is not None:
        found = _good(stream.codec_context.decode2, packet) or ()
        texts = [one.dialogue.decode("utf-8", "replace") for one in found if one.type == b"ass"]
        if packet.pts is not None and texts:
            start = float(packet.pts * packet.time_base)
            yield start, start + float((packet.duration or 0) * packet.time_base), " ".join(texts)


def _good(read: Callable[..., Any], *given: Any) -> Any | None:
    try:
        return read(*given)
    except MemoryError:
        raise
    except (av.FFmpegError, ValueError):
        return None


def _is_text(stream: Any) -> bool:
    return stream.codec_context is not None and stream.codec_context.name in _TEXTS
