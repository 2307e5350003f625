"""Child process of `search/speech/sphinx.py`.

The decoder holds Python's global lock while it works, so it must not share a process with the
threads that serve shoppers. The file is run by path in isolated mode and imports nothing of the
project.

Protocol: each input line is a JSON object with either `phrases`, the vocabulary to expect from
now on, or `bytes`, followed by that many bytes of 16-bit mono sound. Each gets one line of JSON
as reply. The process ends with its input.
"""

from __future__ import annotations

import json
import math
import resource
import sys
import tempfile
from collections.abc import Sequence
from typing import Any, Final

import pocketsphinx
from pocketsphinx.lm import ArpaBoLM

RATE: Final = 16_000
GENERAL_MODEL: Final = "en-us/en-us.lm.bin"
DICTIONARY: Final = "en-us/cmudict-en-us.dict"
MAX_MEMORY_BYTES: Final = 1024**3
MAX_COMMON_WORDS: Final = 20_000
"""Words of the general language model that are added to the phrases' words."""

GENERAL_WEIGHT: Final = 1.0
"""Probability mass of the general words relative to the phrases' words."""

BACK_OFF: Final = 0.8
"""Mass for words that do not follow each other in any phrase: shoppers do not speak in titles."""

MIN_SPEECH_FRAMES: Final = 5
"""Frames of 30 ms that must contain a voice."""

MAX_ALTERNATIVES: Final = 4
NBEST_SIZE: Final = 20


def create_decoder(**options: Any) -> pocketsphinx.Decoder:
    return pocketsphinx.Decoder(loglevel="FATAL", dither=True, seed=1, **options)


def read_dictionary_words() -> set[str]:
    """Return the words with a pronunciation; further pronunciations, `word(2)`, are skipped."""
    with open(pocketsphinx.get_model_path(DICTIONARY), encoding="utf-8") as lines:
        return {word for word in (line.split(maxsplit=1)[0] for line in lines) if "(" not in word}


def common_word_probabilities(words: set[str]) -> dict[str, float]:
    """Return the most frequent words of the general model with normalised probabilities."""
    model = pocketsphinx.NGramModel.readfile(pocketsphinx.get_model_path(GENERAL_MODEL))
    base = pocketsphinx.LogMath()
    probabilities = {word: base.exp(model.prob([word])) for word in words}
    best = sorted(probabilities, key=probabilities.__getitem__, reverse=True)[:MAX_COMMON_WORDS]
    total = sum(probabilities[word] for word in best)
    return {word: probabilities[word] / total for word in best}


def create_phrase_decoder(phrases: Sequence[str]) -> tuple[pocketsphinx.Decoder, int]:
    """Return a decoder for these phrases and how many of their words it knows.

    It has a trigram model of the phrases that backs off to common words. Words without a
    pronunciation cannot be recognised and are left out.
    """
    known = read_dictionary_words()
    lines = [" ".join(word for word in phrase.split() if word in known) for phrase in phrases]
    model = ArpaBoLM(text="\n".join(filter(None, lines)), add_start=True, discount_mass=BACK_OFF)
    phrase_words = len(model.grams_1)
    if not phrase_words:
        return create_decoder(), 0
    mass = GENERAL_WEIGHT * sum(model.grams_1.values())
    for word, probability in common_word_probabilities(known).items():
        model.grams_1[word] += probability * mass
    model.compute()
    with tempfile.NamedTemporaryFile("w", suffix=".arpa", encoding="utf-8") as file:
        model.write(file)
        file.flush()
        return create_decoder(lm=file.name), phrase_words


def has_voice(sound: bytes) -> bool:
    """Return whether there is a voice; without one the decoder would still find words."""
    detector = pocketsphinx.Vad(mode=3, sample_rate=RATE)
    step = detector.frame_bytes
    frames = (sound[at : at + step] for at in range(0, len(sound) - step + 1, step))
    return sum(bool(detector.is_speech(frame)) for frame in frames) >= MIN_SPEECH_FRAMES


def transcribe(decoder: pocketsphinx.Decoder, sound: bytes) -> dict[str, Any]:
    """Return the text, its confidence and alternatives.

    Confidence is the geometric mean of the words' posterior probabilities.
    """
    nothing = {"text": "", "confidence": 0.0, "alternatives": []}
    if not has_voice(sound):
        return nothing
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()
    best = decoder.hyp()
    if best is None or not best.hypstr:
        return nothing
    words = [max(part.prob, 1e-9) for part in decoder.seg() if part.word[0] not in "<["]
    confidence = math.exp(sum(map(math.log, words)) / len(words)) if words else 0.0
    nbest = zip(range(NBEST_SIZE), decoder.nbest(), strict=False)
    texts = dict.fromkeys(hypothesis.hypstr for _, hypothesis in nbest if hypothesis)
    others = [text for text in texts if text and text != best.hypstr]
    return {
        "text": best.hypstr,
        "confidence": min(confidence, 1.0),
        "alternatives": others[:MAX_ALTERNATIVES],
    }


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    decoder = create_decoder()
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "phrases" in message:
            decoder, words = create_phrase_decoder(message["phrases"])
            reply: dict[str, Any] = {"words": words}
        else:
            reply = transcribe(decoder, sys.stdin.buffer.read(message["bytes"]))
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
