"""Spoken queries: the transcriber of this process, adapted to the words of the catalogue."""

from __future__ import annotations

import functools
import logging
import threading
import time
from pathlib import Path
from typing import Any, cast

from django.core.files.uploadedfile import UploadedFile
from django.db import DatabaseError, connections

from search.config import engine_settings
from search.errors import MediaTooLarge, OmnishelfError
from search.speech.registry import choose_speech_engine, load_transcriber
from search.speech.transcriber import Transcriber, Transcript, read_recording, require_language
from webapp.catalog.selectors.speech_vocabulary import get_catalogue_phrases
from webapp.retrieval.query_media import uploaded_path

logger = logging.getLogger(__name__)

ADAPT_INTERVAL_S = 900.0
"""Maximum age of the catalogue words that the transcriber expects."""


class TranscriberManager:
    """A transcriber that is adapted to the catalogue from time to time.

    The first caller waits for it, some seconds; later it happens in a background thread.
    """

    def __init__(self, transcriber: Transcriber) -> None:
        self._transcriber = transcriber
        self._lock = threading.Lock()
        self._adapted_at = -float("inf")

    @property
    def engine(self) -> str:
        return self._transcriber.name

    def transcribe(self, file: UploadedFile[Any], language: str) -> Transcript:
        """Transcribe a recording; '' leaves the language to the engine.

        Raises UnsupportedSpeechLanguage, MediaError, EncoderError, Unavailable.
        """
        require_language(self._transcriber, language)
        config = engine_settings()
        if (file.size or 0) > config.speech_max_bytes:
            raise MediaTooLarge(
                f"the recording is over the limit of {config.speech_max_bytes} bytes",
                value=file.size,
            )
        with uploaded_path(file) as path:
            sound = read_recording(cast("Path", path), config)
        self._adapt_when_due()
        return self._transcriber.transcribe(sound, language)

    def _adapt_when_due(self) -> None:
        """Adapt when the last time is too long ago, unless another thread is at it."""
        is_first = self._adapted_at < 0
        if time.monotonic() - self._adapted_at < ADAPT_INTERVAL_S:
            return
        if not self._lock.acquire(blocking=is_first):
            return
        try:
            if is_first and self._adapted_at < 0:
                self._adapt()
            elif not is_first:
                self._adapted_at = time.monotonic()
                threading.Thread(
                    target=self._adapt_in_background, name="speech", daemon=True
                ).start()
        finally:
            self._lock.release()

    def _adapt(self) -> None:
        self._transcriber.set_vocabulary(get_catalogue_phrases())
        self._adapted_at = time.monotonic()

    def _adapt_in_background(self) -> None:
        try:
            self._adapt()
        except (OmnishelfError, DatabaseError) as error:
            logger.warning("speech was not adapted to the catalogue: %s", error)
        finally:
            connections.close_all()


def transcription_engine() -> str:
    """Return the engine that would transcribe, '' when speech is off. Loads nothing."""
    return choose_speech_engine(engine_settings())


@functools.cache
def transcriber() -> TranscriberManager:
    """Return the transcriber of this process. Raises SpeechDisabled and WeightsMissing."""
    return TranscriberManager(load_transcriber(engine_settings()))
