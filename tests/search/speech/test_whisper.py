from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search.config import EngineSettings
from search.errors import SpeechLanguage, WeightsMissing, WeightsRefused
from search.speech.registry import load_transcriber, speech_engine
from search.speech.weights import FOLDER
from tests.search.speech.tiny_whisper import write_tiny_whisper

NOISE = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> EngineSettings:
    weights = tmp_path_factory.mktemp("weights")
    write_tiny_whisper(weights / FOLDER)
    return EngineSettings(weights_dir=weights, device="cpu")


def test_a_checkpoint_is_loaded_and_writes_down_what_it_hears(settings: EngineSettings) -> None:
    assert speech_engine(settings) == "whisper"
    transcriber = load_transcriber(settings)
    heard = transcriber.transcribe(NOISE, "en-GB")
    assert heard.text
    assert 0 < heard.confidence < 1
    assert transcriber.transcribe(NOISE, "en") == heard
    assert transcriber.transcribe(NOISE, "zh-Hans").text != heard.text
    assert transcriber.transcribe(NOISE).text


def test_silence_is_no_words_and_an_unknown_language_is_refused(settings: EngineSettings) -> None:
    transcriber = load_transcriber(settings)
    assert transcriber.transcribe(np.zeros(16_000, np.float32)).text == ""
    with pytest.raises(SpeechLanguage, match="'tlh'"):
        transcriber.transcribe(NOISE, "tlh")


def test_absent_weights_are_named_with_the_command_that_fetches_them(tmp_path: Path) -> None:
    settings = EngineSettings(weights_dir=tmp_path, speech="whisper")
    with pytest.raises(
        WeightsMissing, match=f"hf download openai/whisper-large-v3-turbo .* --local-dir {tmp_path}"
    ):
        load_transcriber(settings)


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "config.json").write_text("{}")
    (tmp_path / FOLDER / "model.safetensors").write_bytes(b"no weights")
    settings = EngineSettings(weights_dir=tmp_path, speech="whisper", device="cpu")
    with pytest.raises(WeightsRefused, match="cannot be loaded"):
        load_transcriber(settings).transcribe(NOISE)
