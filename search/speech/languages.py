"""Languages as a browser names them (BCP 47), and whether an engine understands one."""

from __future__ import annotations

from search.errors import SpeechLanguage
from search.speech.base import Transcriber


def primary_language(language: str) -> str:
    """'zh-Hans' → 'zh'"""
    return language.split("-")[0].lower()


def require_language(transcriber: Transcriber, language: str) -> None:
    """Raises SpeechLanguage where the engine does not understand the language."""
    if not transcriber.understands(language):
        raise SpeechLanguage(
            f"the speech engine {transcriber.name} does not understand this language",
            value=language,
            fix="Type the words, or set OMNISHELF_SPEECH to whisper on the server.",
        )
