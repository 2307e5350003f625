"""What evidence says to a shopper: by which of its views a product was found, and when in a
clip.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from search.types import Evidence, Modality
from webapp.shop.timecodes import clock, spoken_clock

LEAST_SHOWN = 1.0
"""A moment of a clip is pointed out from so many standard deviations above chance."""

ICONS = {
    Modality.TEXT: "words",
    Modality.PICTURE: "picture",
    Modality.AUDIO: "sound",
    Modality.VIDEO: "video",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """`label` says all of it; `at` is what is seen of the second, empty where there is none."""

    icon: str
    label: str
    at: str = ""


def strongest(evidence: Iterable[Evidence]) -> list[Evidence]:
    """The best piece of each modality, best first."""
    best: dict[Modality, Evidence] = {}
    for piece in sorted(evidence, key=lambda piece: -piece.standardised):
        best.setdefault(piece.modality, piece)
    return list(best.values())


def moment_of(piece: Evidence) -> float | None:
    """The second of a clip that this evidence points to."""
    return piece.span.start if piece.span and piece.standardised >= LEAST_SHOWN else None


def piece_of(evidence: Evidence) -> Piece:
    """The words for one piece of evidence."""
    second = moment_of(evidence)
    if second is None:
        return Piece(ICONS[evidence.modality], found_by(evidence.modality))
    at = _("at %(time)s") % {"time": clock(second)}
    return Piece(ICONS[evidence.modality], found_at(evidence.modality, spoken_clock(second)), at)


def found_by(modality: Modality) -> str:
    """How a view of this modality was met."""
    return {
        Modality.TEXT: _("Matches the words"),
        Modality.PICTURE: _("Seen in the picture"),
        Modality.AUDIO: _("Heard in the sound"),
        Modality.VIDEO: _("Seen in the video"),
    }[modality]


def found_at(modality: Modality, time: str) -> str:
    """The same of a moment in a clip, whose time is given in words or figures."""
    words = {
        Modality.TEXT: _("Said at %(time)s"),
        Modality.PICTURE: _("Seen at %(time)s"),
        Modality.AUDIO: _("Heard at %(time)s"),
        Modality.VIDEO: _("Seen in the video at %(time)s"),
    }
    return words[modality] % {"time": time}
