"""Task of the sandbox process: check that the clip opens, and tell its properties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from search.media.sandbox import animation
from search.media.sandbox.container import (
    StreamDecoder,
    find_video_stream,
    open_clip,
    read_play_time,
    require_decoder,
)
from search.media.sandbox.protocol import ClipRejected, send


def run(request: Mapping[str, Any]) -> None:
    """Decode stream frame of the first video and audio stream; send the fields of ClipInfo."""
    send(animation.probe(request) if request["demuxer"] == animation.WEBP else _probe(request))


def _probe(request: Mapping[str, Any]) -> dict[str, Any]:
    with open_clip(request) as clip:
        video = find_video_stream(clip, request["max_pixels"])
        streams = [stream for stream in (video, *clip.streams.audio[:1]) if stream is not None]
        if not streams:
            raise ClipRejected("no_stream")
        for stream in streams:
            require_decoder(stream)
            stream.codec_context.thread_type = "NONE"
            if next(iter(StreamDecoder(clip, stream)), None) is None:
                raise ClipRejected("unreadable", f"no frame in stream {stream.index}")
            clip.seek(0)
        return {
            "seconds": read_play_time(clip, streams, request["max_seconds"]),
            "width": video.codec_context.width if video else 0,
            "height": video.codec_context.height if video else 0,
            "codecs": [stream.codec_context.name for stream in streams],
        }
