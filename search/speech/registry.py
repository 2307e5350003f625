"""Which transcriber the settings choose. Engines are imported when one is loaded: each costs
seconds or memory.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Final, cast

from search.config import EngineSettings
from search.errors import SpeechOff
from search.speech.base import Transcriber
from search.speech.weights import has_whisper

ENGINES: Final = {"pocketsphinx": "search.speech.sphinx", "whisper": "search.speech.whisper"}
PACKAGE: Final = "pocketsphinx"


def speech_engine(settings: EngineSettings) -> str:
    """The engine that would transcribe here, or '' for none. `auto` is Whisper where its weights
    are, else the embedded engine where its package is. Loads nothing.
    """
    if settings.speech == "off":
        return ""
    if settings.speech != "auto":
        return settings.speech
    if has_whisper(settings):
        return "whisper"
    return "pocketsphinx" if importlib.util.find_spec(PACKAGE) else ""


def load_transcriber(settings: EngineSettings) -> Transcriber:
    """The transcriber that the settings choose; its model is loaded at its first use.

    Raises SpeechOff where there is none, WeightsMissing with the command that fetches Whisper's
    weights.
    """
    engine = speech_engine(settings)
    if not engine:
        raise SpeechOff(
            "spoken queries are switched off",
            value=settings.speech,
            fix="Set OMNISHELF_SPEECH to auto, pocketsphinx or whisper.",
        )
    return cast("Transcriber", importlib.import_module(ENGINES[engine]).load(settings))
