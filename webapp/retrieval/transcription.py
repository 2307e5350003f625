"""Spoken queries: the transcriber of this process, which expects the words of the catalogue."""

from __future__ import annotations

import functools
import logging
import threading
import time
from pathlib import Path
from typing import cast

from django.core.files.uploadedfile import UploadedFile
from django.db import DatabaseError, connections

from search.config import engine_settings
from search.errors import MediaTooLarge, OmnishelfError
from search.speech.registry import choose_speech_engine, load_transcriber
from search.speech.transcriber import Transcriber, Transcript, read_recording, require_language
from webapp.catalog.selectors.speech_vocabulary import get_catalogue_phrases
from webapp.retrieval.query_media import uploaded_path

logger = logging.getLogger(__name__)

LEARN_EVERY_S = 900.0
"""How old the words expected of a catalogue may get."""


class TranscriberManager:
    """A transcriber that follows the catalogue. Whoever comes first waits until its words are
    learned, some seconds; afterwards they are learned anew beside the questions.
    """

    def __init__(self, transcriber: Transcriber) -> None:
        self._transcriber = transcriber
        self._lock = threading.Lock()
        self._learned = -float("inf")

    @property
    def engine(self) -> str:
        return self._transcriber.name

    def transcribe(self, file: UploadedFile, language: str) -> Transcript:
        """Raises UnsupportedSpeechLanguage, MediaError, EncoderError, Unavailable."""
        require_language(self._transcriber, language)
        config = engine_settings()
        if (file.size or 0) > config.speech_max_bytes:
            raise MediaTooLarge(
                f"the recording is over the limit of {config.speech_max_bytes} bytes",
                value=file.size,
            )
        with uploaded_path(file) as path:
            sound = read_recording(cast("Path", path), config)
        self._keep_up()
        return self._transcriber.transcribe(sound, language)

    def _keep_up(self) -> None:
        first = self._learned < 0
        if time.monotonic() - self._learned < LEARN_EVERY_S or not self._lock.acquire(
            blocking=first
        ):
            return
        try:
            if first and self._learned < 0:
                self._learn()
            elif not first:
                self._learned = time.monotonic()
                threading.Thread(target=self._learn_beside, name="speech", daemon=True).start()
        finally:
            self._lock.release()

    def _learn(self) -> None:
        self._transcriber.set_vocabulary(get_catalogue_phrases())
        self._learned = time.monotonic()

    def _learn_beside(self) -> None:
        try:
            self._learn()
        except (OmnishelfError, DatabaseError) as error:
            logger.warning("the catalogue's words were not learned anew: %s", error)
        finally:
            connections.close_all()


def transcription_engine() -> str:
    """The engine that would transcribe, '' where spoken queries are off. Loads nothing."""
    return choose_speech_engine(engine_settings())


@functools.cache
def transcriber() -> TranscriberManager:
    """Of this process. Raises SpeechDisabled and WeightsMissing."""
    return TranscriberManager(load_transcriber(engine_settings()))
