"""What the search box can do with a sound: write it down, search by it, both, or neither."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import get_language

from search.config import engine_settings
from search.types import Modality
from webapp.retrieval.models_runtime import last_used_space
from webapp.retrieval.transcription import transcription_engine

ENGLISH_ALONE = frozenset({"pocketsphinx"})


@dataclass(frozen=True, slots=True)
class Voice:
    """`english_only`: the page is in another language than the engine understands. `seconds`
    limits a recording.
    """

    transcribes: bool
    hears: bool
    english_only: bool
    seconds: float


def voice_here() -> Voice:
    """Loads no model and asks no database: a page that reports a fault has a search box as well."""
    engine = transcription_engine()
    english_only = engine in ENGLISH_ALONE and not (get_language() or "en").startswith("en")
    space = last_used_space()
    hears = space is not None and Modality.AUDIO in space.modalities
    return Voice(bool(engine), hears, english_only, engine_settings().speech_max_seconds)
