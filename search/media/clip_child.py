"""The child process of `search/media/clip.py`: limits itself, opens one clip with FFmpeg, prints the finding as JSON.

Run by path in isolated mode, so it imports nothing of the project. Prints either the fields of ClipInfo or `error` with
one of: unreadable, no_stream, too_long, frame_too_large, memory.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any


def limit_process(memory_bytes: int, seconds: float) -> None:
    """No more memory, CPU time or files than needed; nothing may be written. Must run before FFmpeg is imported."""
    cpu = int(seconds) + 1
    for what, bound in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        bound = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(what, (bound, bound))


def probe(path: str, demuxer: str, max_seconds: float, max_pixels: int) -> dict[str, Any]:
    """Open `path` with `demuxer` and decode one frame of the first picture stream and of the first sound stream."""
    import av
    from av.stream import Disposition

    options = {"protocol_whitelist": "none", "probesize": "5000000", "analyzeduration": "5000000"}
    with open(path, "rb") as stream, av.open(stream, "r", format=demuxer, options=options) as clip:
        pictures = [one for one in clip.streams.video if not one.disposition & Disposition.attached_pic]
        chosen: list[Any] = [*pictures[:1], *clip.streams.audio[:1]]
        if not chosen:
            return {"error": "no_stream"}
        width, height = (pictures[0].codec_context.width, pictures[0].codec_context.height) if pictures else (0, 0)
        if width * height > max_pixels:
            return {"error": "frame_too_large", "value": f"{width} × {height}"}
        for one in chosen:
            one.codec_context.thread_type = "NONE"
            if next(clip.decode(one), None) is None:
                return {"error": "unreadable", "value": f"no frame in stream {one.index}"}
            clip.seek(0)
        seconds = play_time(clip, chosen, max_seconds)
        if seconds > max_seconds:
            return {"error": "too_long", "value": f"{seconds:.1f} s"}
        codecs = [one.codec_context.name for one in chosen]
        return {"seconds": seconds, "width": width, "height": height, "codecs": codecs}


def play_time(clip: Any, streams: list[Any], max_seconds: float) -> float:
    """Seconds by the header, or by reading packets to the end (or past the limit) where the header does not say."""
    if clip.duration:
        return float(clip.duration) / 1_000_000
    told = [float(one.duration * one.time_base) for one in streams if one.duration]
    if told:
        return max(told)
    end = 0.0
    for packet in clip.demux(streams):
        if packet.pts is not None:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if end > max_seconds:
            break
    return end


def main(question: str) -> dict[str, Any]:
    asked = json.loads(question)
    limit_process(asked["memory_bytes"], asked["time_limit_s"])
    import av

    try:
        return probe(asked["path"], asked["demuxer"], asked["max_seconds"], asked["max_pixels"])
    except MemoryError:
        return {"error": "memory"}
    except (av.FFmpegError, ValueError, OSError) as error:
        return {"error": "unreadable", "value": str(error)}


if __name__ == "__main__":
    json.dump(main(sys.argv[1]), sys.stdout)
