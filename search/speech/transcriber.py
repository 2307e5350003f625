"""The Transcriber protocol and what its engines share: languages, waiting, reading a recording."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from search.config import EngineSettings
from search.errors import Unavailable, UnsupportedSpeechLanguage
from search.media.audio import open_audio
from search.media.limits import ClipLimits
from search.types import Waveform

SPEECH_RATE: Final = 16_000
"""Sample rate in Hz that every transcriber takes."""

MAX_WAIT_S: Final = 3.0
MIN_WORK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Transcript:
    """The result of a transcription.

    `text` is empty when no word was recognised. `confidence` is from 0 to 1 and comparable only
    within one engine. `alternatives` are other readings, best first.
    """

    text: str
    confidence: float = 0.0
    alternatives: tuple[str, ...] = ()


class Transcriber(Protocol):
    """A speech engine. Thread-safe; concurrent calls wait within the time limit."""

    @property
    def name(self) -> str:
        """The engine's name in `OMNISHELF_SPEECH`."""

    def supports_language(self, language: str) -> bool:
        """Return whether a BCP 47 tag such as `en` or `zh-Hans` is supported; '' always is."""

    def transcribe(self, sound: Waveform, language: str = "") -> Transcript:
        """Transcribe mono sound at `SPEECH_RATE`. `language` is a hint, '' if unknown.

        Raises UnsupportedSpeechLanguage, Unavailable when the engine is busy or too slow, and
        WeightsMissing or InvalidWeights when its model cannot be loaded.
        """

    def set_vocabulary(self, phrases: Sequence[str]) -> None:
        """Expect the words of these phrases: titles, brands, categories.

        Engines with an open vocabulary ignore the call.
        """


class ExclusiveSlot:
    """Lets one caller at a time use an engine.

    Others give up soon, so that a crowd cannot block every thread. `time_limit_s` covers waiting
    and work together.
    """

    def __init__(self, time_limit_s: float) -> None:
        self._time_limit_s = time_limit_s
        self._lock = threading.Lock()

    @contextmanager
    def acquire(self) -> Iterator[float]:
        """Hold the slot; yields the seconds left for the work. Raises Unavailable when busy."""
        started = time.monotonic()
        if not self._lock.acquire(timeout=min(MAX_WAIT_S, self._time_limit_s)):
            raise Unavailable("the speech engine is busy", fix="Try again shortly.")
        try:
            yield max(MIN_WORK_S, self._time_limit_s - (time.monotonic() - started))
        finally:
            self._lock.release()


def primary_language(language: str) -> str:
    """Return the primary subtag: 'zh-Hans' → 'zh'."""
    return language.split("-")[0].lower()


def require_language(transcriber: Transcriber, language: str) -> None:
    """Raise UnsupportedSpeechLanguage if the engine does not support the language."""
    if not transcriber.supports_language(language):
        raise UnsupportedSpeechLanguage(
            f"the speech engine {transcriber.name} does not support this language",
            value=language,
            fix="Type the words, or set OMNISHELF_SPEECH to whisper on the server.",
        )


def read_recording(path: Path, settings: EngineSettings) -> Waveform:
    """Decode a recording at `SPEECH_RATE`; the result is empty if it has no sound.

    Raises MediaTooLarge, MediaUnreadable and MediaUnsupported.
    """
    limits = ClipLimits(
        settings.speech_max_bytes,
        settings.speech_max_seconds,
        time_limit_s=settings.speech_time_limit_s,
    )
    pieces = list(open_audio(path, limits, SPEECH_RATE))
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
