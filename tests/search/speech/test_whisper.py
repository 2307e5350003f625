from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search.config import EngineSettings
from search.errors import InvalidWeights, UnsupportedSpeechLanguage, WeightsMissing
from search.speech.registry import WHISPER_FOLDER, choose_speech_engine, load_transcriber
from tests.search.speech.tiny_whisper import write_tiny_whisper

NOISE = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> EngineSettings:
    weights = tmp_path_factory.mktemp("weights")
    write_tiny_whisper(weights / WHISPER_FOLDER)
    return EngineSettings(weights_dir=weights, device="cpu")


def test_a_checkpoint_is_loaded_and_transcribes(settings: EngineSettings) -> None:
    assert choose_speech_engine(settings) == "whisper"
    transcriber = load_transcriber(settings)
    transcript = transcriber.transcribe(NOISE, "en-GB")
    assert transcript.text
    assert 0 < transcript.confidence < 1
    assert transcriber.transcribe(NOISE, "en") == transcript
    assert transcriber.transcribe(NOISE, "zh-Hans").text != transcript.text
    assert transcriber.transcribe(NOISE).text


def test_silence_gives_no_words_and_an_unknown_language_is_refused(
    settings: EngineSettings,
) -> None:
    transcriber = load_transcriber(settings)
    assert transcriber.transcribe(np.zeros(16_000, np.float32)).text == ""
    with pytest.raises(UnsupportedSpeechLanguage, match="'tlh'"):
        transcriber.transcribe(NOISE, "tlh")


def test_missing_weights_are_reported_with_the_download_command(tmp_path: Path) -> None:
    settings = EngineSettings(weights_dir=tmp_path, speech="whisper")
    with pytest.raises(
        WeightsMissing, match=f"hf download openai/whisper-large-v3-turbo .* --local-dir {tmp_path}"
    ):
        load_transcriber(settings)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / WHISPER_FOLDER).mkdir()
    (tmp_path / WHISPER_FOLDER / "config.json").write_text("{}")
    (tmp_path / WHISPER_FOLDER / "model.safetensors").write_bytes(b"no weights")
    settings = EngineSettings(weights_dir=tmp_path, speech="whisper", device="cpu")
    with pytest.raises(InvalidWeights, match="cannot be loaded"):
        load_transcriber(settings).transcribe(NOISE)
