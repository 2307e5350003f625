"""Keeping what frozen towers saw."""

from __future__ import annotations

from collections.abc import Iterable

from search.encoders.protocol import Features
from search.types import Span
from webapp.catalog.models import TowerFeatures
from webapp.catalog.models.spans import spans_pack


def make_cached_features(
    content_hash: str, features: Features, *, towers: str, modality: str, spans: Iterable[Span] = ()
) -> TowerFeatures:
    """Unsaved features of a content: (width,) of a text or a picture, (n, width) with n spans of
    a clip.
    """
    return TowerFeatures(
        towers=towers,
        modality=modality,
        content_hash=content_hash,
        features=TowerFeatures.pack(features),
        spans=spans_pack(spans),
    )


def store_features(rows: Iterable[TowerFeatures]) -> None:
    """Keep features; a content that has some keeps them."""
    TowerFeatures.objects.bulk_create(rows, ignore_conflicts=True)
