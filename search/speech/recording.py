"""A recorded query → one waveform, within the limits of the settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from search.config import EngineSettings
from search.encoders.protocol import Waveform
from search.media.clip_limits import ClipLimits
from search.media.sound import open_sound
from search.speech.base import SPEECH_RATE


def speech_limits(settings: EngineSettings) -> ClipLimits:
    return ClipLimits(
        settings.speech_max_bytes,
        settings.speech_max_seconds,
        time_limit_s=settings.speech_time_limit_s,
    )


def read_recording(path: Path, settings: EngineSettings) -> Waveform:
    """The sound of a recording, whole, at `SPEECH_RATE`; empty for one without sound.

    Raises MediaTooLarge, MediaUnreadable and MediaUnsupported.
    """
    pieces = list(open_sound(path, speech_limits(settings), SPEECH_RATE))
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
