"""Word error rate and latency of every installed speech engine."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from search.config import EngineSettings, engine_settings
from search.speech.registry import has_whisper_weights, load_transcriber
from search.speech.sphinx import normalise_words
from search.speech.transcriber import SPEECH_RATE, Transcriber, read_recording
from search.types import Waveform
from tools.bench.speech.utterances import Utterance, UtteranceSet, utterance_sets
from tools.bench.speech.voices import installed_voices
from tools.bench.timing import percentile_ms


@dataclass(frozen=True, slots=True)
class SpeechFigures:
    """Figures of one engine on one set.

    `word_error_rate` can exceed 1, because words may be inserted. `exact` is the share of
    recordings without an error. `decode` is the time to read the file and `write_down` that of the
    engine, in milliseconds; `seconds` is the mean duration of a recording.
    """

    utterance_set: str
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
    """Figures of each set with each engine."""

    figures: list[SpeechFigures]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure_speech(data: Path | None, texts: int) -> SpeechReport:
    """Measure all engines on all sets; raise ConfigError without espeak-ng."""
    with tempfile.TemporaryDirectory() as folder:
        figures = [
            result
            for utterance_set in utterance_sets(data, installed_voices(), texts, Path(folder))
            for result in _measure(utterance_set, engine_settings())
        ]
    return SpeechReport(figures)


def _measure(utterance_set: UtteranceSet, settings: EngineSettings) -> Iterator[SpeechFigures]:
    sounds, decoding = [], []
    for utterance in utterance_set.utterances:
        began = perf_counter()
        sounds.append(read_recording(utterance.path, settings))
        decoding.append(perf_counter() - began)
    for name, transcriber in _load_engines(settings, utterance_set.phrases):
        transcripts, transcribing = _transcribe_all(transcriber, sounds)
        yield _summarise(utterance_set, name, sounds, transcripts, (decoding, transcribing))


def _load_engines(
    settings: EngineSettings, phrases: Sequence[str]
) -> Iterator[tuple[str, Transcriber]]:
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
    transcripts, transcribing = [], []
    for sound in sounds:
        began = perf_counter()
        transcripts.append(transcriber.transcribe(sound, "en").text)
        transcribing.append(perf_counter() - began)
    return transcripts, transcribing


def _summarise(
    utterance_set: UtteranceSet,
    name: str,
    sounds: Sequence[Waveform],
    transcripts: Sequence[str],
    times: tuple[list[float], list[float]],
) -> SpeechFigures:
    errors = [
        _count_errors(utterance, text)
        for utterance, text in zip(utterance_set.utterances, transcripts, strict=True)
    ]
    lengths = [
        len(normalise_words(utterance.text).split()) for utterance in utterance_set.utterances
    ]
    speakers: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for utterance, wrong, length in zip(utterance_set.utterances, errors, lengths, strict=True):
        speakers[utterance.speaker][0] += wrong
        speakers[utterance.speaker][1] += length
    decoding, transcribing = times
    return SpeechFigures(
        utterance_set=utterance_set.name,
        engine=name,
        recordings=len(errors),
        words=sum(lengths),
        word_error_rate=sum(errors) / sum(lengths),
        exact=errors.count(0) / len(errors),
        by_speaker={speaker: wrong / words for speaker, (wrong, words) in speakers.items()},
        decode_p50_ms=percentile_ms(decoding, 50),
        write_down_p50_ms=percentile_ms(transcribing, 50),
        write_down_p95_ms=percentile_ms(transcribing, 95),
        seconds=sum(map(len, sounds)) / len(sounds) / SPEECH_RATE,
    )


def _count_errors(utterance: Utterance, transcript: str) -> int:
    return count_word_errors(
        normalise_words(utterance.text).split(), normalise_words(transcript).split()
    )


def count_word_errors(reference: Sequence[str], transcript: Sequence[str]) -> int:
    """Return the number of substitutions, deletions and insertions (Levenshtein, 1966)."""
    row = list(range(len(transcript) + 1))
    for place, word in enumerate(reference, 1):
        above, row = row, [place]
        for at, other in enumerate(transcript, 1):
            row.append(min(above[at] + 1, row[at - 1] + 1, above[at - 1] + (word != other)))
    return row[-1]
