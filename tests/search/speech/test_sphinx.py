from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from search.config import EngineSettings
from search.errors import MediaTooLarge, SpeechDisabled, Unavailable, UnsupportedSpeechLanguage
from search.speech.registry import choose_speech_engine, load_transcriber
from search.speech.sphinx import SphinxTranscriber, normalise_words
from search.speech.transcriber import read_recording
from tests.support.voices import say

TITLES = [
    "Red teapot with a wooden handle",
    "Blue coffee mug",
    "Oak rocking chair",
    "Green glass bottle",
]


@pytest.fixture(scope="module")
def transcriber() -> Iterator[SphinxTranscriber]:
    made = SphinxTranscriber(EngineSettings())
    yield made
    made.close()


def test_words_of_the_catalogue_are_understood_once_learned(
    transcriber: SphinxTranscriber, tmp_path: Path
) -> None:
    sound = read_recording(say("red teapot", tmp_path / "query.wav"), EngineSettings())
    before = transcriber.transcribe(sound).text
    transcriber.set_vocabulary(TITLES)
    transcript = transcriber.transcribe(sound, "en-GB")
    assert transcript.text == "red teapot" != before
    assert 0 < transcript.confidence <= 1
    assert "red teapot" not in transcript.alternatives


def test_silence_and_noise_are_no_words(transcriber: SphinxTranscriber) -> None:
    assert transcriber.transcribe(np.zeros(0, np.float32)).text == ""
    assert transcriber.transcribe(np.zeros(16_000, np.float32)).text == ""
    for seed in range(3):
        noise = np.random.default_rng(seed).normal(0, 0.05, 48_000).astype(np.float32)
        assert transcriber.transcribe(noise).text == ""


def test_other_languages_are_refused(transcriber: SphinxTranscriber) -> None:
    with pytest.raises(UnsupportedSpeechLanguage, match="whisper"):
        transcriber.transcribe(np.ones(16_000, np.float32), "zh-Hans")


def test_a_child_that_takes_too_long_is_replaced() -> None:
    before = set(psutil.Process().children())
    transcriber = SphinxTranscriber(EngineSettings(speech_time_limit_s=0.12))
    sound = np.random.default_rng(0).normal(0, 0.3, 16_000).astype(np.float32)
    sound[:4_000] = 0
    with pytest.raises(Unavailable, match="in time"):
        transcriber.transcribe(sound)
    assert set(psutil.Process().children()) == before


def test_what_is_learned_survives_the_child(transcriber: SphinxTranscriber, tmp_path: Path) -> None:
    transcriber.set_vocabulary(TITLES)
    recognisers = [
        child
        for child in psutil.Process().children()
        if any("sphinx_child" in argument for argument in child.cmdline())
    ]
    assert recognisers
    for child in recognisers:
        child.kill()
        child.wait()
    sound = read_recording(say("blue coffee mug", tmp_path / "query.wav"), EngineSettings())
    assert transcriber.transcribe(sound).text == "blue coffee mug"


def test_a_recording_has_limits(tmp_path: Path) -> None:
    path = say("one two three four five", tmp_path / "query.wav")
    with pytest.raises(MediaTooLarge):
        read_recording(path, EngineSettings(speech_max_seconds=0.5))
    with pytest.raises(MediaTooLarge):
        read_recording(path, EngineSettings(speech_max_bytes=1024))


def test_the_settings_choose(tmp_path: Path) -> None:
    assert choose_speech_engine(EngineSettings(weights_dir=tmp_path)) == "pocketsphinx"
    assert choose_speech_engine(EngineSettings(weights_dir=tmp_path, speech="whisper")) == "whisper"
    with pytest.raises(SpeechDisabled, match="OMNISHELF_SPEECH"):
        load_transcriber(EngineSettings(speech="off"))


def test_nothing_is_imported_before_it_is_used() -> None:
    code = (
        "import json, sys, search.speech.registry, search.speech.transcriber;"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"pocketsphinx", "transformers", "torch"} & set(json.loads(done.stdout))


def test_words_are_spelled_as_in_a_dictionary() -> None:
    assert normalise_words("Women's T-Shirt, size 9 (Café)") == "women's t shirt size café"
    assert not re.search(r"\d", normalise_words("100% cotton 2x"))
