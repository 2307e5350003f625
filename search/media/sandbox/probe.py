"""Task of the child process: does the clip open, and what does it hold?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search.media.sandbox import animation
from search.media.sandbox.container import Decoding, known, opened, picture_stream, play_time
from search.media.sandbox.protocol import Refused, send


def run(asked: Mapping[str, Any]) -> None:
    """Decode one frame of the first picture stream and of the first sound stream; say the fields
    of ClipInfo.
    """
    send(animation.probe(asked) if asked["demuxer"] == animation.WEBP else _probe(asked))


def _probe(asked: Mapping[str, Any]) -> dict[str, Any]:
    with opened(asked) as clip:
        pictures = picture_stream(clip, asked["max_pixels"])
        chosen = [one for one in (pictures, *clip.streams.audio[:1]) if one is not None]
        if not chosen:
            raise Refused("no_stream")
        for one in chosen:
            known(one)
            one.codec_context.thread_type = "NONE"
            if next(iter(Decoding(clip, one)), None) is None:
                raise Refused("unreadable", f"no frame in stream {one.index}")
            clip.seek(0)
        return {
            "seconds": play_time(clip, chosen, asked["max_seconds"]),
            "width": pictures.codec_context.width if pictures else 0,
            "height": pictures.codec_context.height if pictures else 0,
            "codecs": [one.codec_context.name for one in chosen],
        }
