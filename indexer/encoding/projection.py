"""Project features of frozen towers into vectors of a space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.encoders.protocol import Features, TunableEncoder, require_audio, supports_audio
from search.media.frame_views import mean_clip_vector, mean_frame_vectors
from search.types import Modality, Vectors
from webapp.catalog.models import CachedFeatures
from webapp.catalog.models.spans import BYTES as SPAN_BYTES
from webapp.catalog.selectors.features import rows_per_part

StoredRow = tuple[bytes, bytes]
"""Features and spans of a content as stored."""


def get_tower_id(encoder: TunableEncoder, modality: Modality) -> str:
    """Return the fingerprint of the towers for this modality, '' without one."""
    if modality is not Modality.AUDIO:
        return encoder.tower_id
    return encoder.audio_tower_id if supports_audio(encoder) else ""


def project(encoder: TunableEncoder, modality: Modality, features: Features) -> Vectors:
    """Project features (n, width) into unit vectors (n, dim).

    Without features the result is (0, dim). A key frame has VIEWS_PER_FRAME rows of features.
    """
    if not len(features):
        return np.zeros((0, encoder.space.dim), np.float32)
    if modality is Modality.TEXT:
        return encoder.project_texts(features)
    if modality is Modality.AUDIO:
        return require_audio(encoder).project_audio(features)
    vectors = encoder.project_pictures(features)
    return mean_frame_vectors(vectors) if modality is Modality.VIDEO else vectors


def prepend_whole_clip(modality: Modality, parts: Vectors) -> Vectors:
    """Prepend the vector of the whole clip when it has several key frames."""
    if modality is not Modality.VIDEO or len(parts) < 2:
        return parts
    return np.concatenate([mean_clip_vector(parts), parts])


def project_stored(
    encoder: TunableEncoder, modality: Modality, rows: Sequence[StoredRow]
) -> list[Vectors]:
    """Return the vectors to store for each content. The head is called once for all."""
    counts = [len(spans) // SPAN_BYTES or int(bool(features)) for features, spans in rows]
    total = sum(counts) * rows_per_part(modality)
    features = (
        CachedFeatures.unpack([row[0] for row in rows], total)
        if total
        else np.zeros((0, 0), np.float16)
    )
    parts = np.split(project(encoder, modality, features), np.cumsum(counts)[:-1])
    return [
        prepend_whole_clip(modality, part) if row[1] else part
        for row, part in zip(rows, parts, strict=True)
    ]
