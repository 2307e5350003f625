"""Features of frozen towers, kept so that new heads never need the media again."""

from __future__ import annotations

import numpy as np
from django.db import models
from django.utils.translation import gettext_lazy as _

from search.encoders.protocol import Features
from webapp.catalog.models.asset import AssetKind

STORED = np.dtype("<f2")


class CachedFeatures(models.Model):
    """Features of a content, as little-endian 16-bit floats, by the fingerprint of their towers.

    A clip has a row per modality, with the features and the seconds of each of its parts.
    """

    towers = models.CharField(_("towers"), max_length=64)
    modality = models.CharField(_("modality"), max_length=8, choices=AssetKind)
    content_hash = models.CharField(_("content hash"), max_length=64)
    features = models.BinaryField(_("features"))
    spans = models.BinaryField(_("seconds"), default=b"", help_text=_("of the parts of a clip"))

    class Meta:
        verbose_name = _("tower features")
        verbose_name_plural = _("tower features")
        constraints = [
            models.UniqueConstraint(
                fields=["towers", "modality", "content_hash"], name="features_once_per_content"
            )
        ]

    def __str__(self) -> str:
        return f"{self.modality} {self.content_hash[:10]} through {self.towers}"

    @staticmethod
    def pack(features: Features) -> bytes:
        """Convert (width,) or (n, width) to bytes."""
        return features.astype(STORED).tobytes()

    @staticmethod
    def unpack(rows: list[bytes], views: int) -> Features:
        """Convert stored rows with `views` rows in all, at least one, to (views, width)."""
        features: Features = np.frombuffer(b"".join(bytes(row) for row in rows), STORED).reshape(
            views, -1
        )
        return features.astype(np.float16)
