"""Cached features of frozen towers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search.encoders.protocol import Features
from search.media.frame_views import VIEWS_PER_FRAME
from search.types import Modality, Span
from webapp.catalog.models import CachedFeatures
from webapp.catalog.models.spans import spans_unpack

FeatureRow = npt.NDArray[np.float16]
"""The features of one view, (width,)."""


@dataclass(frozen=True, slots=True)
class ClipFeatures:
    """Features of a clip in one modality, and the time span of each part.

    `features` is (n, width), with `rows_per_part` rows for each span; (0, 0) if the clip has
    nothing to see or hear.
    """

    features: Features
    spans: tuple[Span, ...]


def get_stored_features(
    *, towers: str, modality: str, hashes: Iterable[str]
) -> dict[str, FeatureRow]:
    """Return features of texts or pictures by content hash, with one query.

    Contents without features are absent.
    """
    rows = CachedFeatures.objects.filter(
        towers=towers, modality=modality, content_hash__in=list(hashes)
    )
    return {
        digest: CachedFeatures.unpack([bytes(row)], 1)[0]
        for digest, row in rows.values_list("content_hash", "features")
    }


def get_clip_features(
    *, towers: Collection[str], hashes: Iterable[str]
) -> dict[str, dict[Modality, ClipFeatures]]:
    """Return features of clips by content hash and modality, with one query."""
    rows = CachedFeatures.objects.filter(towers__in=towers, content_hash__in=list(hashes))
    clips: dict[str, dict[Modality, ClipFeatures]] = {}
    for digest, modality, packed, packed_spans in rows.values_list(
        "content_hash", "modality", "features", "spans"
    ):
        spans = tuple(spans_unpack(bytes(packed_spans)))
        features: Features = np.zeros((0, 0), np.float16)
        if spans:
            count = len(spans) * rows_per_part(modality)
            features = CachedFeatures.unpack([bytes(packed)], count)
        clips.setdefault(digest, {})[Modality(modality)] = ClipFeatures(features, spans)
    return clips


def rows_per_part(modality: str) -> int:
    """Return the number of feature rows of each part: a key frame has several views."""
    return VIEWS_PER_FRAME if modality == Modality.VIDEO else 1
