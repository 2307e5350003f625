"""The frames of a video, a few per second, decoded and scaled down in the sandbox process."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from search.errors import MediaUnreadable
from search.media.colour_modes import to_rgb
from search.media.limits import ClipLimits
from search.media.sandbox.runner import ClipReader, Message, run_in_sandbox

_TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of a clip, RGB and upright, and the second at which it is first shown."""

    seconds: float
    picture: Image.Image


class VideoReader(ClipReader[Frame]):
    """Iterates over the frames of a clip; at most a few are in memory at a time.

    `seconds` is the play time of the header, and after the last frame what could be read of it.
    `other_tracks` are the kinds of tracks besides the video, as FFmpeg names them (audio,
    subtitle), known from the first frame on.
    """

    def __init__(self, messages: Generator[Message]) -> None:
        super().__init__(messages)
        self.other_tracks: frozenset[str] | None = None

    def _decode(self, message: Message) -> Frame | None:
        header = message.header
        if "other_tracks" in header:
            self.other_tracks = frozenset(header["other_tracks"])
        self.seconds = min(self.seconds, header.get("lasted") or self.seconds)
        return _to_frame(message) if "at" in header else None

    def _check_result(self, pieces: int) -> None:
        if not pieces:
            raise MediaUnreadable(
                "no picture of the video can be decoded", fix="Save or upload it again."
            )


def open_video(path: Path, limits: ClipLimits, side: int, per_second: float) -> VideoReader:
    """Open a video, animated GIF or animated WebP: about `per_second` frames by their timestamps.

    Frames are rotated and stretched as a player shows them, the shorter side at most `side`
    pixels. The reader raises MediaTooLarge (bytes, seconds, frame size, or time and memory of
    the process), MediaUnreadable (empty, corrupt, without video) and MediaUnsupported (format or
    codec) at its first frame; a clip that breaks off later gives what could be read and is
    `truncated`.
    """
    return VideoReader(run_in_sandbox("frames", path, limits, side=side, per_second=per_second))


def _to_frame(message: Message) -> Frame:
    header = message.header
    size, mode = (header["width"], header["height"]), header["mode"]
    picture = to_rgb(
        Image.frombuffer(mode, size, message.payload, "raw", mode, header["stride"], 1)
    )
    turn = _TURNS.get(header["turn"] % 360)
    return Frame(header["at"], picture.transpose(turn) if turn is not None else picture)
