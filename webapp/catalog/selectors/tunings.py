"""Which tuning is in use, and what it stands on."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search.encoders.protocol import Features
from search.media.frame_views import VIEWS_PER_FRAME
from search.types import Modality, Span
from webapp.catalog.models import CachedFeatures, Tuning, TuningState
from webapp.catalog.models.spans import spans_unpack

FeatureRow = npt.NDArray[np.float16]
"""The features of one view, (width,)."""


@dataclass(frozen=True, slots=True)
class ClipFeatures:
    """What towers saw of a clip in one modality, and the seconds of each part.

    `features` is (n, width), with `rows_per_part` rows for each of the spans; (0, 0) where there
    was nothing to see.
    """

    features: Features
    spans: tuple[Span, ...]


def get_active_heads_digest(*, base: str) -> str:
    """Checksum of the tuned heads in use over the preset whose own space is `base`; '' for the
    preset's own heads.
    """
    live = Tuning.objects.filter(base=base, state=TuningState.LIVE)
    return live.values_list("heads_digest", flat=True).first() or ""


def get_stored_features(
    *, towers: str, modality: str, hashes: Iterable[str]
) -> dict[str, FeatureRow]:
    """What these towers saw of these texts or pictures, by content hash; those without features
    are absent. One query.
    """
    rows = CachedFeatures.objects.filter(
        towers=towers, modality=modality, content_hash__in=list(hashes)
    )
    return {
        digest: CachedFeatures.unpack([row], 1)[0]
        for digest, row in rows.values_list("content_hash", "features")
    }


def get_clip_features(
    *, towers: Collection[str], hashes: Iterable[str]
) -> dict[str, dict[Modality, ClipFeatures]]:
    """What these towers saw and heard of these clips, by content hash and modality. One query."""
    rows = CachedFeatures.objects.filter(towers__in=towers, content_hash__in=list(hashes))
    found: dict[str, dict[Modality, ClipFeatures]] = {}
    for digest, modality, features, spans in rows.values_list(
        "content_hash", "modality", "features", "spans"
    ):
        known, rows_each = tuple(spans_unpack(spans)), rows_per_part(modality)
        seen = (
            CachedFeatures.unpack([features], len(known) * rows_each)
            if known
            else np.zeros((0, 0), np.float16)
        )
        found.setdefault(digest, {})[Modality(modality)] = ClipFeatures(seen, known)
    return found


def rows_per_part(modality: str) -> int:
    """Rows of features stored for each part of a clip: a key frame is seen several times."""
    return VIEWS_PER_FRAME if modality == Modality.VIDEO else 1
