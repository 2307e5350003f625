"""What the search box can do with a recording: transcribe it, search with its sound, or both."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import get_language

from search.config import engine_settings
from search.types import Modality
from webapp.retrieval.models_runtime import last_used_space
from webapp.retrieval.transcription import transcription_engine

ENGLISH_ONLY_ENGINES = frozenset({"pocketsphinx"})


@dataclass(frozen=True, slots=True)
class AudioInput:
    """The options of a page.

    `is_english_only`: the engine does not understand the language of the page. `max_seconds`
    limits a recording.
    """

    transcribes: bool
    searches: bool
    is_english_only: bool
    max_seconds: float


def audio_input_options() -> AudioInput:
    """Return the options without loading a model or querying the database.

    Error pages have a search box as well.
    """
    engine = transcription_engine()
    is_english_page = (get_language() or "en").startswith("en")
    space = last_used_space()
    return AudioInput(
        transcribes=bool(engine),
        searches=space is not None and Modality.AUDIO in space.modalities,
        is_english_only=engine in ENGLISH_ONLY_ENGINES and not is_english_page,
        max_seconds=engine_settings().speech_max_seconds,
    )
