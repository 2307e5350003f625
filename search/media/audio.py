"""The audio of a clip as one waveform, streamed from the sandbox process."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from search.errors import MediaUnreadable
from search.media.limits import ClipLimits
from search.media.sandbox.runner import ClipReader, Message, run_in_sandbox
from search.types import Waveform


class AudioReader(ClipReader[Waveform]):
    """Iterates over the waveform in pieces of about a second, decoded on demand.

    `seconds` is the play time, known from the first piece on.
    """

    def _decode(self, message: Message) -> Waveform | None:
        if not message.payload:
            return None
        waveform: Waveform = np.frombuffer(message.payload, np.float32)
        return waveform

    def _check_result(self, pieces: int) -> None:
        if self.truncated and not pieces:
            raise MediaUnreadable(
                "no sound of the clip can be decoded", fix="Save or upload it again."
            )


def open_audio(path: Path, limits: ClipLimits, rate: int) -> AudioReader:
    """Open the first audio track of a clip, mixed to one channel at `rate` samples a second.

    Seconds count from the clip's beginning: a track that begins later starts with silence. A
    video without an audio track gives nothing. The reader raises MediaTooLarge (bytes, seconds,
    or time and memory of the process), MediaUnreadable (empty, corrupt, or neither audio nor
    video) and MediaUnsupported (format, codec, more than 8 channels) at its first piece; a clip
    that breaks off later gives what could be read and is `truncated`.
    """
    return AudioReader(run_in_sandbox("audio", path, limits, rate=rate))
