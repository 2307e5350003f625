"""Sound classes of AudioSet that YAMNet knows, which of them are kept, and their names as text.

`audioset.txt` holds the names in YAMNet's order: AudioSet's ontology (Gemmeke et al. 2017), CC
BY 4.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

CLASS_NAMES: Final = tuple((Path(__file__).parent / "audioset.txt").read_text("utf-8").splitlines())

_MUSIC_GENRES_AND_MOODS = range(211, 277)
_PLACES = range(500, 507)
_SILENCE = 494
KEPT_CLASSES: Final = tuple(
    number
    for number in range(len(CLASS_NAMES))
    if number not in {*_MUSIC_GENRES_AND_MOODS, *_PLACES, _SILENCE}
)
"""Genres and rooms are left out: no product sounds like one, yet they are likely for every tune
and every recording."""

PHRASES: Final = (
    "the sound of {}",
    "{}",
    "a recording of {}",
    "{} noise",
    "you can hear {}",
    "something that sounds like {}",
)
"""Ways in which a query may name a sound."""


def list_class_texts() -> list[str]:
    """Return one text per kept class."""
    return [PHRASES[0].format(CLASS_NAMES[number].lower()) for number in KEPT_CLASSES]


def phrase_label(label: str) -> Sequence[str]:
    """Return the label in every phrase."""
    return [phrase.format(label) for phrase in PHRASES]
