"""Recordings in the search box: transcription and search by sound."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from indexer.encoding.worker import EncodeWorker
from search.config import EngineSettings
from tests.support.audio_encoder import ToneEncoder
from tests.support.catalogue import add_product
from tests.support.encoders import ColourEncoder
from tests.support.tones import tone_file
from webapp.retrieval import transcription
from webapp.shop import audio_input
from webapp.shop.views import transcription as view

pytestmark = pytest.mark.django_db


def recording(level: float = 0.0, rate: int = 16_000) -> SimpleUploadedFile:
    samples = np.random.default_rng(0).normal(0, 1, rate) * level
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return SimpleUploadedFile("transcription.wav", content.getvalue())


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch, encoder: ColourEncoder) -> dict[str, Any]:
    """Engine settings that a test may change."""
    values: dict[str, Any] = {"speech": "pocketsphinx"}
    for module in (transcription, view, audio_input):
        monkeypatch.setattr(module, "engine_settings", lambda: EngineSettings(**values))
    transcription.transcriber.cache_clear()
    return values


def problem_of(client: Client, **sent: Any) -> tuple[int, str]:
    response = client.post("/transcriptions", sent)
    return response.status_code, response.json()["problem"]


def test_silence_is_transcribed_as_no_words(client: Client, chosen: dict[str, Any]) -> None:
    response = client.post("/transcriptions", {"sound": recording()})
    assert (response.status_code, response.json()) == (200, {"text": "", "confidence": 0.0})


def test_problems_are_sentences_in_the_language_of_the_page(
    client: Client, chosen: dict[str, Any]
) -> None:
    assert problem_of(client) == (400, "The recording is missing.")
    no_sound = SimpleUploadedFile("transcription.wav", b"no sound")
    assert problem_of(client, sound=no_sound) == (
        415,
        "This file is not a supported sound. Choose a WAV, MP3 or OGG file.",
    )
    chosen["speech_max_seconds"] = 0.5
    assert problem_of(client, sound=recording()) == (
        413,
        "This recording is too long. Say it in fewer words.",
    )
    client.cookies["django_language"] = "zh-hans"
    assert problem_of(client) == (400, "没有录音。")


def test_recordings_of_one_address_are_limited(client: Client, chosen: dict[str, Any]) -> None:
    for _ in range(view.MAX_RECORDINGS_PER_WINDOW):
        client.post("/transcriptions")
    assert problem_of(client)[0] == 429


def test_the_microphone_button_needs_a_speech_engine(
    client: Client, chosen: dict[str, Any], tmp_path: Path
) -> None:
    response = client.get("/")
    assert "data-voice-start" in response.content.decode()
    assert "microphone=(self)" in response["Permissions-Policy"]
    client.cookies["django_language"] = "zh-hans"
    assert "请说英语" in client.get("/").content.decode()
    chosen |= {"speech": "off", "weights_dir": tmp_path}
    transcription.transcriber.cache_clear()
    assert "data-voice" not in client.get("/").content.decode()
    assert client.post("/transcriptions", {"sound": recording()}).status_code == 404


def test_an_encoder_without_audio_rejects_a_sound(client: Client, chosen: dict[str, Any]) -> None:
    response = client.post("/search", {"q": "", "sound": recording(0.2)})
    assert response.status_code == 400
    assert "This shop cannot search by sounds" in response.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_sound_query_is_kept_in_the_url(client: Client, audio_encoder: ToneEncoder) -> None:
    for sku, pitch in (("bell", 1500), ("horn", 300)):
        add_product(
            sku, title=sku, sounds=[tone_file([pitch])], space=audio_encoder.space.fingerprint
        )
    EncodeWorker(audio_encoder, "here:1:1").run()
    sound = SimpleUploadedFile("transcription.wav", tone_file([1505]))
    response = client.post("/search", {"q": "", "sound": sound}, follow=True)
    address = response.redirect_chain[0][0]
    page = response.content.decode()
    assert address.startswith("/search?sound_token=")
    assert "Like your sound" in page and 'aria-label="Remove the sound"' in page
    assert page.index("/p/bell/") < page.index("/p/horn/")
    assert "data-voice-search" in page
    silent = client.post("/search", {"sound": recording()})
    assert silent.status_code == 400 and "This recording is silent" in silent.content.decode()
