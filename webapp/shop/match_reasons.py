"""Match reasons: what the evidence of a hit tells the shopper."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from search.modalities import MODALITIES
from search.types import Evidence, Modality
from webapp.shop.timecodes import format_clock, format_spoken

MIN_SHOWN_SCORE = 1.0
"""In standard deviations above chance: the timestamp of a weaker match in a clip is not shown."""


@dataclass(frozen=True, slots=True)
class MatchReason:
    """`label` is the full sentence; `at` the visible timestamp, '' where there is none."""

    icon: str
    label: str
    at: str = ""


def best_per_modality(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Return the best evidence of each modality, best first."""
    best: dict[Modality, Evidence] = {}
    for item in sorted(evidence, key=lambda item: -item.standardised):
        best.setdefault(item.modality, item)
    return list(best.values())


def timestamp(evidence: Evidence) -> float | None:
    """Return the second of the clip that matches, None for a weak match or none in a clip."""
    if evidence.span is None or evidence.standardised < MIN_SHOWN_SCORE:
        return None
    return evidence.span.start


def explain(evidence: Evidence) -> MatchReason:
    """Return the reason that one piece of evidence gives."""
    icon, second = MODALITIES[evidence.modality].icon, timestamp(evidence)
    if second is None:
        return MatchReason(icon, _label(evidence.modality))
    at = _("at %(time)s") % {"time": format_clock(second)}
    return MatchReason(icon, label_at(evidence.modality, format_spoken(second)), at)


def _label(modality: Modality) -> str:
    return {
        Modality.TEXT: _("Matches the words"),
        Modality.PICTURE: _("Seen in the picture"),
        Modality.AUDIO: _("Heard in the sound"),
        Modality.VIDEO: _("Seen in the video"),
    }[modality]


def label_at(modality: Modality, time: str) -> str:
    """Return the label of a match at a time of a clip; `time` is already formatted."""
    label = {
        Modality.TEXT: _("Said at %(time)s"),
        Modality.PICTURE: _("Seen at %(time)s"),
        Modality.AUDIO: _("Heard at %(time)s"),
        Modality.VIDEO: _("Seen in the video at %(time)s"),
    }[modality]
    return label % {"time": time}
