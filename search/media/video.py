"""The pictures of a video, a few a second, decoded and scaled down in a limited child process."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from PIL import Image

from search.errors import MediaUnreadable
from search.media.clip_limits import ClipLimits
from search.media.colour_modes import to_rgb
from search.media.sandbox.runner import Message, ask_child

_TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture of a clip, RGB and upright, and the second from the beginning at which it is
    first seen.
    """

    seconds: float
    picture: Image.Image


class VideoReader:
    """The frames of a clip as they come; at most a few are held at a time.

    `seconds` is the play time that the clip tells, and after the last frame what there was of
    it. `truncated` says, after the last, that the clip broke off or that frames of it could not
    be decoded. `beside` names the kinds of tracks that there are beside the pictures, known from
    the first frame on.
    """

    def __init__(self, messages: Generator[Message]) -> None:
        self._messages = messages
        self._frames = self._read()
        self.seconds = 0.0
        self.truncated = False
        self.beside: frozenset[str] | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        return next(self._frames)

    def close(self) -> None:
        """End the child process before the last frame."""
        self._frames.close()

    def _read(self) -> Generator[Frame]:
        given = 0
        try:
            with closing(self._messages):
                for message in self._messages:
                    self.seconds = message.header.get("seconds", self.seconds)
                    if "beside" in message.header:
                        self.beside = frozenset(message.header["beside"])
                    self.truncated = not message.header.get("whole", True)
                    self.seconds = min(self.seconds, message.header.get("lasted") or self.seconds)
                    if "at" in message.header:
                        yield _frame(message)
                        given += 1
        except MediaUnreadable:
            if not given:
                raise
            self.truncated = True
        if not given:
            raise MediaUnreadable(
                "no picture of the video can be decoded", fix="Save or upload it again."
            )


def _frame(message: Message) -> Frame:
    told: dict[str, Any] = message.header
    size, mode = (told["width"], told["height"]), told["mode"]
    picture = to_rgb(Image.frombuffer(mode, size, message.payload, "raw", mode, told["stride"], 1))
    turn = _TURNS.get(told["turn"] % 360)
    return Frame(told["at"], picture.transpose(turn) if turn is not None else picture)


def open_video(path: Path, limits: ClipLimits, side: int, per_second: float) -> VideoReader:
    """Frames of a video, animated GIF or animated WebP: about `per_second` by their timestamps,
    turned and stretched as they are shown, the shorter side at most `side` pixels.

    The reader raises MediaTooLarge (bytes, seconds, frame size, or time and memory of the
    child), MediaUnreadable (empty, corrupt, without moving pictures) and MediaUnsupported
    (format or codec) at its first frame; a clip that breaks off later gives what it had and is
    `truncated`.
    """
    return VideoReader(ask_child("frames", path, limits, side=side, per_second=per_second))
