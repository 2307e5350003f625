"""What is said: digits by people, queries of real shoppers and names of real goods by
synthesisers.
"""

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
"""Of every three queries the first was used to choose the engine's weights; another one is
add_point_cloud here."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A recording, its words, and who spoke."""

    path: Path
    text: str
    speaker: str


@dataclass(frozen=True, slots=True)
class UtteranceSet:
    """One set: `phrases` are what a catalogue would let an engine expect."""

    name: str
    phrases: Sequence[str]
    said: Sequence[Utterance]


def utterance_sets(
    data: Path | None, voices: Sequence[Voice], texts: int, folder: Path
) -> Iterator[UtteranceSet]:
    """On the development data, or on the names of drawn products without it; `texts` of each
    kind.
    """
    if data is None:
        rows = plan_sample_shop(1, 200, clips=False)[1]
        titles = [str(row["title"]) for row in rows]
        yield _spoken("drawn products", titles, titles, voices, texts, folder)
        return
    yield _digits(data / "fsdd", texts)
    goods = _rows(data / "ikea")
    named = sorted({f"{row['colour'].split(',')[0]} {row['type']}" for row in goods})
    phrases = [
        *(f"{row['colour']} {row['type']}" for row in goods),
        *(row["description"] for row in goods),
    ]
    queries = [row["query"] for row in _rows(data / "wands_queries")]
    kept = [query for query in queries if PLAIN_ENGLISH.fullmatch(query)][HELD_OUT_OFFSET::3]
    yield _spoken("names of goods", phrases, named, voices, texts, folder)
    yield _spoken("queries of another shop", phrases, kept, voices, texts, folder)


def _digits(folder: Path, count: int) -> UtteranceSet:
    rows = _rows(folder)
    kept = rows[:: max(1, len(rows) // (5 * count))]
    return UtteranceSet(
        "digits",
        DIGITS,
        [Utterance(folder / row["path"], row["label"], row["speaker"]) for row in kept],
    )


def _spoken(
    name: str,
    phrases: Sequence[str],
    texts: Sequence[str],
    voices: Sequence[Voice],
    count: int,
    folder: Path,
) -> UtteranceSet:
    plain = [text for text in texts if PLAIN_ENGLISH.fullmatch(text)]
    kept = plain[:: max(1, len(plain) // count)][:count]
    said = [
        Utterance(synthesise(text, voice, folder), text, " ".join(voice))
        for text in kept
        for voice in voices
    ]
    return UtteranceSet(name, phrases, said)


def _rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
