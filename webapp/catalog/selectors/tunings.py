"""Which tuning is in use, and what it stands on."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from webapp.catalog.models import TowerFeatures, Tuning, TuningState

FeatureRow = npt.NDArray[np.float16]
"""The features of one content, (width,)."""


def live_heads_digest(*, base: str) -> str:
    """Checksum of the tuned heads in use over the preset whose own space is `base`; '' for the preset's own heads."""
    live = Tuning.objects.filter(base=base, state=TuningState.LIVE)
    return live.values_list("heads_digest", flat=True).first() or ""


def features_stored(*, towers: str, modality: str, hashes: Iterable[str]) -> dict[str, FeatureRow]:
    """What these towers saw of these contents, by content hash; contents without features are absent. One query."""
    rows = TowerFeatures.objects.filter(towers=towers, modality=modality, content_hash__in=list(hashes))
    return {digest: TowerFeatures.unpack([row])[0] for digest, row in rows.values_list("content_hash", "features")}
