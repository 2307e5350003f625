"""Keeping what frozen towers saw."""

from __future__ import annotations

from collections.abc import Mapping

from search.encoders.base import Features
from webapp.catalog.models import TowerFeatures


def features_store(rows: Mapping[str, Features], *, towers: str, modality: str) -> None:
    """Keep features (width,) by content hash; a content that has some keeps them."""
    TowerFeatures.objects.bulk_create(
        [
            TowerFeatures(towers=towers, modality=modality, content_hash=digest, features=TowerFeatures.pack(row))
            for digest, row in rows.items()
        ],
        ignore_conflicts=True,
    )
