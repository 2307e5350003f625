"""Word error rate and latency of every engine that is here."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from search.config import EngineSettings, engine_settings
from search.encoders.protocol import Waveform
from search.speech.registry import has_whisper_weights, load_transcriber
from search.speech.sphinx import normalise_words
from search.speech.transcriber import SPEECH_RATE, Transcriber, read_recording
from tools.bench.speech.utterances import Utterance, UtteranceSet, utterance_sets
from tools.bench.speech.voices import installed_voices
from tools.bench.timing import percentile_ms
from tools.evaluation.word_errors import count_word_errors


@dataclass(frozen=True, slots=True)
class SpeechFigures:
    """One engine on one set. `word_error_rate` can pass 1: words may be put in. `exact`: share
    of recordings without an error. `decode` is reading the file, `write_down` the engine's part,
    in milliseconds; `seconds` is the mean length of a recording.
    """

    sayings: str
    engine: str
    recordings: int
    words: int
    word_error_rate: float
    exact: float
    by_speaker: dict[str, float]
    decode_p50_ms: float
    write_down_p50_ms: float
    write_down_p95_ms: float
    seconds: float


@dataclass(frozen=True, slots=True)
class SpeechReport:
    """Each set by each engine."""

    figures: list[SpeechFigures]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure_speech(data: Path | None, texts: int) -> SpeechReport:
    """Raises ConfigError without espeak-ng."""
    with tempfile.TemporaryDirectory() as folder:
        found = [
            figures
            for these in utterance_sets(data, installed_voices(), texts, Path(folder))
            for figures in _measure(these, engine_settings())
        ]
    return SpeechReport(found)


def _measure(these: UtteranceSet, settings: EngineSettings) -> Iterator[SpeechFigures]:
    sounds, decoding = [], []
    for said in these.said:
        began = perf_counter()
        sounds.append(read_recording(said.path, settings))
        decoding.append(perf_counter() - began)
    for name, transcriber in _engines(settings, these.phrases):
        heard, taken = _transcribe_all(transcriber, sounds)
        yield _figures(these, name, sounds, heard, (decoding, taken))


def _engines(settings: EngineSettings, phrases: Sequence[str]) -> Iterator[tuple[str, Transcriber]]:
    sphinx = load_transcriber(settings.model_copy(update={"speech": "pocketsphinx"}))
    yield "pocketsphinx, general words", sphinx
    sphinx.set_vocabulary(phrases)
    yield "pocketsphinx, catalogue learned", sphinx
    if has_whisper_weights(settings):
        yield "whisper", load_transcriber(settings.model_copy(update={"speech": "whisper"}))


def _transcribe_all(
    transcriber: Transcriber, sounds: Sequence[Waveform]
) -> tuple[list[str], list[float]]:
    transcriber.transcribe(sounds[0], "en")
    heard, taken = [], []
    for sound in sounds:
        began = perf_counter()
        heard.append(transcriber.transcribe(sound, "en").text)
        taken.append(perf_counter() - began)
    return heard, taken


def _figures(
    these: UtteranceSet,
    name: str,
    sounds: Sequence[Waveform],
    heard: Sequence[str],
    times: tuple[list[float], list[float]],
) -> SpeechFigures:
    errors = [_errors(said, text) for said, text in zip(these.said, heard, strict=True)]
    lengths = [len(normalise_words(said.text).split()) for said in these.said]
    speakers: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for said, wrong, length in zip(these.said, errors, lengths, strict=True):
        speakers[said.speaker][0] += wrong
        speakers[said.speaker][1] += length
    decoding, taken = times
    return SpeechFigures(
        sayings=these.name,
        engine=name,
        recordings=len(errors),
        words=sum(lengths),
        word_error_rate=sum(errors) / sum(lengths),
        exact=errors.count(0) / len(errors),
        by_speaker={speaker: wrong / words for speaker, (wrong, words) in speakers.items()},
        decode_p50_ms=percentile_ms(decoding, 50),
        write_down_p50_ms=percentile_ms(taken, 50),
        write_down_p95_ms=percentile_ms(taken, 95),
        seconds=sum(map(len, sounds)) / len(sounds) / SPEECH_RATE,
    )


def _errors(said: Utterance, heard: str) -> int:
    return count_word_errors(normalise_words(said.text).split(), normalise_words(heard).split())
