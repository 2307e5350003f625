"""Storing the features of frozen towers."""

from __future__ import annotations

from collections.abc import Iterable

from search.encoders.protocol import Features
from search.types import Span
from webapp.catalog.models import CachedFeatures
from webapp.catalog.models.spans import spans_pack


def make_cached_features(
    content_hash: str, features: Features, *, towers: str, modality: str, spans: Iterable[Span] = ()
) -> CachedFeatures:
    """Return unsaved features of a content.

    `features` is (width,) for a text or picture, (n, width) with n spans for a clip.
    """
    return CachedFeatures(
        towers=towers,
        modality=modality,
        content_hash=content_hash,
        features=CachedFeatures.pack(features),
        spans=spans_pack(spans),
    )


def store_features(rows: Iterable[CachedFeatures]) -> None:
    """Store features; contents that have some keep theirs."""
    CachedFeatures.objects.bulk_create(rows, ignore_conflicts=True)
