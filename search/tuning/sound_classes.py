"""The classes that YAMNet tells apart, which of them are kept, and what they are called.

`audioset.txt` holds their names in YAMNet's order: AudioSet's ontology (Gemmeke et al. 2017), CC
BY 4.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

NAMES: Final = tuple((Path(__file__).parent / "audioset.txt").read_text("utf-8").splitlines())

_KINDS_AND_MOODS_OF_MUSIC = range(211, 277)
_PLACES = range(500, 507)
_SILENCE = 494
KEPT: Final = tuple(
    number
    for number in range(len(NAMES))
    if number not in {*_KINDS_AND_MOODS_OF_MUSIC, *_PLACES, _SILENCE}
)
"""No product sounds like a genre or a room: those are likely for every tune and every recording,
and cost bytes."""

PHRASES: Final = (
    "the sound of {}", "{}", "a recording of {}", "{} noise", "you can hear {}", "something that sounds like {}",
)  # fmt: skip
"""How a question may name a sound."""


def class_texts() -> list[str]:
    """One text for each class that is kept."""
    return [PHRASES[0].format(NAMES[number].lower()) for number in KEPT]


def phrased(label: str) -> Sequence[str]:
    """The label in every phrase."""
    return [phrase.format(label) for phrase in PHRASES]
