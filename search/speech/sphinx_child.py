"""The child process of `search/speech/sphinx.py`: the decoder holds Python's lock while it
works, which no thread that answers shoppers should wait for.

Run by path in isolated mode, so it imports nothing of the project. Each line of its input is a
JSON object: `phrases` to expect from now on, or `bytes`, followed by that many bytes of sound
(16-bit, one channel). It answers each with a line of JSON, and ends with its input.
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
GENERAL: Final = "en-us/en-us.lm.bin"
DICTIONARY: Final = "en-us/cmudict-en-us.dict"
MEMORY_BYTES: Final = 1024**3
COMMON_WORDS: Final = 20_000
"""Of the general language model, beside the phrases' own words."""

GENERAL_WEIGHT: Final = 1.0
"""Mass of the general words against that of the phrases' words."""

BACK_OFF: Final = 0.8
"""Mass left to words that did not follow each other in any phrase: shoppers do not speak in
titles."""

LEAST_SPEECH: Final = 5
"""Frames of 30 ms that must sound like a voice."""

MOST_ALTERNATIVES: Final = 4
NBEST_LOOKED_AT: Final = 20


def new_decoder(**options: Any) -> pocketsphinx.Decoder:
    return pocketsphinx.Decoder(loglevel="FATAL", dither=True, seed=1, **options)


def known_words() -> set[str]:
    """Words whose pronunciation the dictionary holds; a second pronunciation is written
    `word(2)`.
    """
    with open(pocketsphinx.get_model_path(DICTIONARY), encoding="utf-8") as lines:
        return {word for word in (line.split(maxsplit=1)[0] for line in lines) if "(" not in word}


def common_words(words: set[str]) -> dict[str, float]:
    """Probabilities of the most frequent words by the general model."""
    model = pocketsphinx.NGramModel.readfile(pocketsphinx.get_model_path(GENERAL))
    base = pocketsphinx.LogMath()
    told = {word: base.exp(model.prob([word])) for word in words}
    best = sorted(told, key=told.__getitem__, reverse=True)[:COMMON_WORDS]
    total = sum(told[word] for word in best)
    return {word: told[word] / total for word in best}


def expecting(phrases: Sequence[str]) -> tuple[pocketsphinx.Decoder, int]:
    """A decoder with a trigram model of the phrases that backs off to common words, and how many
    words of the phrases it knows. Words without a pronunciation cannot be heard and are left
    out.
    """
    known = known_words()
    lines = [" ".join(word for word in phrase.split() if word in known) for phrase in phrases]
    model = ArpaBoLM(text="\n".join(filter(None, lines)), add_start=True, discount_mass=BACK_OFF)
    own = len(model.grams_1)
    if not own:
        return new_decoder(), 0
    mass = GENERAL_WEIGHT * sum(model.grams_1.values())
    for word, probability in common_words(known).items():
        model.grams_1[word] += probability * mass
    model.compute()
    with tempfile.NamedTemporaryFile("w", suffix=".arpa", encoding="utf-8") as file:
        model.write(file)
        file.flush()
        return new_decoder(lm=file.name), own


def voiced(sound: bytes) -> bool:
    """Is there a voice at all? Without one the decoder would still find words."""
    detector = pocketsphinx.Vad(mode=3, sample_rate=RATE)
    step = detector.frame_bytes
    frames = (sound[at : at + step] for at in range(0, len(sound) - step + 1, step))
    return sum(bool(detector.is_speech(frame)) for frame in frames) >= LEAST_SPEECH


def hear(decoder: pocketsphinx.Decoder, sound: bytes) -> dict[str, Any]:
    """Text, the geometric mean of its words' posterior probabilities, and other readings."""
    if not voiced(sound):
        return {"text": "", "confidence": 0.0, "alternatives": []}
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()
    best = decoder.hyp()
    if best is None or not best.hypstr:
        return {"text": "", "confidence": 0.0, "alternatives": []}
    told = [max(part.prob, 1e-9) for part in decoder.seg() if part.word[0] not in "<["]
    confidence = math.exp(sum(map(math.log, told)) / len(told)) if told else 0.0
    looked_at = (
        found.hypstr
        for _, found in zip(range(NBEST_LOOKED_AT), decoder.nbest(), strict=False)
        if found
    )
    others = [text for text in dict.fromkeys(looked_at) if text and text != best.hypstr]
    return {
        "text": best.hypstr,
        "confidence": min(confidence, 1.0),
        "alternatives": others[:MOST_ALTERNATIVES],
    }


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    decoder = new_decoder()
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        if "phrases" in asked:
            decoder, words = expecting(asked["phrases"])
            answer: dict[str, Any] = {"words": words}
        else:
            answer = hear(decoder, sys.stdin.buffer.read(asked["bytes"]))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
