from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from search.config import EngineSettings
from tests.support.voices import say
from tests.webapp.api.openapi import assert_conforms
from webapp.catalog.models import Product
from webapp.retrieval import transcription

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/transcriptions"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Return settings that a test can change before its request; stop the engine afterwards."""
    options: dict[str, Any] = {"speech": "pocketsphinx"}
    monkeypatch.setattr(transcription, "engine_settings", lambda: EngineSettings(**options))
    transcription.transcriber.cache_clear()
    yield options
    if options["speech"] == "pocketsphinx":
        engine: Any = transcription.transcriber()._transcriber
        engine.close()
    transcription.transcriber.cache_clear()


def silence(seconds: float = 0.5) -> SimpleUploadedFile:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(int(seconds * 16_000) * 2))
    return SimpleUploadedFile("query.wav", content.getvalue())


def problem(client: Client, **fields: object) -> tuple[int, str]:
    response = client.post(ADDRESS, fields)
    return response.status_code, assert_conforms(response, "transcribe")["code"]


def test_a_spoken_query_is_transcribed_in_words_of_the_catalogue(
    client: Client, engine: dict[str, Any], tmp_path: Path
) -> None:
    Product.objects.create(sku="A", title="Blue coffee mug", language="en")
    sound = say("blue coffee mug", tmp_path / "query.wav").read_bytes()
    response = client.post(
        ADDRESS, {"sound": SimpleUploadedFile("a.wav", sound), "language": "en-GB"}
    )
    heard = assert_conforms(response, "transcribe")
    assert (heard["text"], heard["engine"]) == ("blue coffee mug", "pocketsphinx")
    assert heard["confidence"] > 0
    assert "RateLimit" in response.headers


def test_silence_has_an_empty_text(client: Client, engine: dict[str, Any]) -> None:
    heard = assert_conforms(client.post(ADDRESS, {"sound": silence()}), "transcribe")
    assert (heard["text"], heard["confidence"], heard["alternatives"]) == ("", 0, [])


def test_an_invalid_request_is_refused_with_its_code(
    client: Client, engine: dict[str, Any]
) -> None:
    assert problem(client) == (400, "invalid")
    assert problem(client, sound=silence(), tongue="en") == (400, "invalid")
    assert problem(client, sound=silence(), language="zh-Hans") == (400, "speech_language")
    assert problem(client, sound=SimpleUploadedFile("a.wav", b"no sound")) == (
        415,
        "media_unsupported",
    )
    engine["speech_max_seconds"] = 0.2
    assert problem(client, sound=silence()) == (413, "media_too_large")
    engine["speech_max_bytes"] = 1024
    assert problem(client, sound=silence()) == (413, "media_too_large")


@pytest.mark.parametrize(
    ("speech", "expected"), [("off", (404, "speech_off")), ("whisper", (503, "weights_missing"))]
)
def test_a_missing_engine_is_a_problem(
    client: Client,
    engine: dict[str, Any],
    tmp_path: Path,
    speech: str,
    expected: tuple[int, str],
) -> None:
    engine |= {"speech": speech, "weights_dir": tmp_path}
    assert problem(client, sound=silence()) == expected
