"""The Transcriber Protocol: a short recording of one voice → its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from search.encoders.protocol import Waveform

SPEECH_RATE: Final = 16_000
"""Samples a second that every transcriber takes."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was understood. `text` is empty where no word was heard; `confidence` is from 0 to 1,
    the engine's own, and not comparable between engines; `alternatives` are other readings,
    better ones first.
    """

    text: str
    confidence: float = 0.0
    alternatives: tuple[str, ...] = ()


class Transcriber(Protocol):
    """Safe from any thread; calls wait for each other, and only so long as the settings allow."""

    @property
    def name(self) -> str:
        """The engine, as `OMNISHELF_SPEECH` calls it."""

    def understands(self, language: str) -> bool:
        """Can this language be transcribed? `language` is a BCP 47 tag such as `en` or
        `zh-Hans`; '' asks nothing.
        """

    def transcribe(self, sound: Waveform, language: str = "") -> Transcript:
        """One channel at `SPEECH_RATE` → words. `language` is a hint, '' where it is not known.

        Raises SpeechLanguage for a language it does not understand, Unavailable when it is busy
        or takes too long, and WeightsMissing or WeightsRefused when its model cannot be loaded.
        """

    def learn(self, phrases: Sequence[str]) -> None:
        """Expect the words of these phrases: titles, brands, categories. Engines that need no
        such help ignore them.
        """
