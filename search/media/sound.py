"""The sound of a clip as one waveform, streamed from a limited child process
(`search/media/sandbox/runner.py`).
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Self

import numpy as np

from search.encoders.protocol import Waveform
from search.errors import MediaUnreadable
from search.media.clip_limits import ClipLimits
from search.media.sandbox.runner import Message, ask_child


class SoundReader:
    """The waveform piece by piece, a second each; what is not yet asked for is not yet decoded.

    `seconds` is the play time, known from the first piece on. `truncated` says, after the last,
    that the clip broke off or that parts of it could not be decoded.
    """

    def __init__(self, messages: Generator[Message]) -> None:
        self._messages = messages
        self._pieces = self._read()
        self.seconds = 0.0
        self.truncated = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Waveform:
        return next(self._pieces)

    def close(self) -> None:
        """End the child process before the last piece."""
        self._pieces.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _read(self) -> Generator[Waveform]:
        heard = False
        try:
            with closing(self._messages):
                for message in self._messages:
                    self.seconds = message.header.get("seconds", self.seconds)
                    self.truncated = not message.header.get("whole", True)
                    if message.payload:
                        heard = True
                        yield np.frombuffer(message.payload, np.float32)
        except MediaUnreadable:
            if not heard:
                raise
            self.truncated = True
        if self.truncated and not heard:
            raise MediaUnreadable(
                "no sound of the clip can be decoded", fix="Save or upload it again."
            )


def open_sound(path: Path, limits: ClipLimits, rate: int) -> SoundReader:
    """The first sound track of an audio or video file, mixed to one channel at `rate` samples a
    second.

    Seconds count from the clip's beginning: a track that begins later starts with silence. A
    video without sound gives nothing. The reader raises MediaTooLarge (bytes, seconds, or time
    and memory of the child), MediaUnreadable (empty, corrupt, or neither sound nor pictures) and
    MediaUnsupported (format, codec, more than 8 channels) at its first piece; a clip that breaks
    off later gives what it had and is `truncated`.
    """
    return SoundReader(ask_child("sound", path, limits, rate=rate))
