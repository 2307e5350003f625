"""Utterances: digits spoken by people; real queries and product names, synthesised."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.bench.speech.voices import Voice, synthesise
from tools.sample_shop.writer import plan_sample_shop

PLAIN_ENGLISH = re.compile(r"[A-Za-z' ]+")
DIGITS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
HELD_OUT_OFFSET: Final = 1
"""Of every three queries, the first was used to tune the engine; the second is measured here."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A recording, its text and its speaker."""

    path: Path
    text: str
    speaker: str


@dataclass(frozen=True, slots=True)
class UtteranceSet:
    """A set of utterances; `phrases` are the texts of a catalogue for the engine to learn."""

    name: str
    phrases: Sequence[str]
    utterances: Sequence[Utterance]


def utterance_sets(
    data: Path | None, voices: Sequence[Voice], texts: int, folder: Path
) -> Iterator[UtteranceSet]:
    """Yield the sets of the development data, or of drawn products without it.

    Each synthesised set has `texts` texts.
    """
    if data is None:
        rows = plan_sample_shop(1, 200, clips=False)[1]
        titles = [str(row["title"]) for row in rows]
        yield _synthesise_set("drawn products", titles, titles, voices, texts, folder)
        return
    yield _read_digits(data / "fsdd", texts)
    products = _read_rows(data / "ikea")
    named = sorted({f"{row['colour'].split(',')[0]} {row['type']}" for row in products})
    phrases = [
        *(f"{row['colour']} {row['type']}" for row in products),
        *(row["description"] for row in products),
    ]
    queries = [row["query"] for row in _read_rows(data / "wands_queries")]
    kept = [query for query in queries if PLAIN_ENGLISH.fullmatch(query)][HELD_OUT_OFFSET::3]
    yield _synthesise_set("product names", phrases, named, voices, texts, folder)
    yield _synthesise_set("queries of another shop", phrases, kept, voices, texts, folder)


def _read_digits(folder: Path, count: int) -> UtteranceSet:
    rows = _read_rows(folder)
    kept = rows[:: max(1, len(rows) // (5 * count))]
    return UtteranceSet(
        "digits",
        DIGITS,
        [Utterance(folder / row["path"], row["label"], row["speaker"]) for row in kept],
    )


def _synthesise_set(
    name: str,
    phrases: Sequence[str],
    texts: Sequence[str],
    voices: Sequence[Voice],
    count: int,
    folder: Path,
) -> UtteranceSet:
    plain = [text for text in texts if PLAIN_ENGLISH.fullmatch(text)]
    kept = plain[:: max(1, len(plain) // count)][:count]
    utterances = [
        Utterance(synthesise(text, voice, folder), text, " ".join(voice))
        for text in kept
        for voice in voices
    ]
    return UtteranceSet(name, phrases, utterances)


def _read_rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
