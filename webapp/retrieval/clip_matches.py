"""Matches in clips: the times at which a clip matches a query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from search.ranking.engine import QueryVector, StageTimer, score_candidates
from search.types import Evidence, Modality, Space, Span, view_asset_id, view_part_number
from webapp.catalog.models.spans import span_at
from webapp.catalog.selectors.clips import ClipSpans, get_clip_spans
from webapp.retrieval.embedded_query import EmbeddedQuery
from webapp.retrieval.models_runtime import active_model
from webapp.retrieval.results import ProductHit
from webapp.retrieval.search_query import SearchQuery


@dataclass(frozen=True, slots=True)
class ClipMatch:
    """A part of a clip; `standardised` is its score in standard deviations above chance."""

    span: Span
    standardised: float


@dataclass(frozen=True, slots=True)
class ClipTimeline:
    """The parts of a clip in one modality, in time order.

    These are key frames (video), windows (audio) or subtitles (text).
    """

    asset_id: int
    modality: Modality
    matches: tuple[ClipMatch, ...]

    @property
    def best(self) -> ClipMatch:
        return max(self.matches, key=lambda match: match.standardised)


Track = tuple[int, Modality]
"""Asset id of a clip, and the modality of its parts."""


def match_clips(query: SearchQuery, product_id: int) -> tuple[ClipTimeline, ...]:
    """Score every part of every clip of a product; none for a query that only browses.

    1. Embed the query.
    2. Score the product's views for each query vector; add up by weight.
    3. Look up the time spans of the parts.

    Timelines are in the order of assets, then of Modality. Raises QueryError, EncoderError,
    Unavailable.
    """
    model = active_model()
    embedded = EmbeddedQuery(query, model, StageTimer())
    scores: dict[Track, dict[int, float]] = defaultdict(dict)
    for vector in embedded.vectors:
        _add_scores(embedded, vector, product_id, scores)
    spans = _get_spans(scores.keys(), model.space)
    modalities = list(Modality)
    tracks = sorted(scores, key=lambda track: (track[0], modalities.index(track[1])))
    return tuple(
        ClipTimeline(*track, _build_matches(scores[track], spans[track]))
        for track in tracks
        if track in spans
    )


def _add_scores(
    embedded: EmbeddedQuery,
    vector: QueryVector,
    product_id: int,
    scores: dict[Track, dict[int, float]],
) -> None:
    """Add the product's weighted scores for one query vector, by track and part number."""
    scored = score_candidates(embedded.index, vector, np.array([product_id], np.int64))
    for views in scored.candidates:
        normaliser = scored.normalisers[views.modality]
        values = normaliser.normalise(views.scores) * vector.weight
        for view_id, value in zip(views.view_ids.tolist(), values.tolist(), strict=True):
            if part := view_part_number(view_id):
                parts = scores[view_asset_id(view_id), views.modality]
                parts[part] = parts.get(part, 0.0) + value


def _build_matches(parts: dict[int, float], stored: bytes) -> tuple[ClipMatch, ...]:
    matches = [
        ClipMatch(span, score) for part, score in parts.items() if (span := span_at(stored, part))
    ]
    return tuple(sorted(matches, key=lambda match: (match.span.start, match.span.end)))


def with_timestamps(hits: Sequence[ProductHit], space: Space) -> tuple[ProductHit, ...]:
    """Return hits whose evidence in clips has its time span. At most one database query."""
    tracks = {_track(item) for hit in hits for item in hit.evidence if item.best_part}
    spans = _get_spans(tracks, space)
    if not spans:
        return tuple(hits)

    def with_span(item: Evidence) -> Evidence:
        return replace(item, span=span_at(spans.get(_track(item), b""), item.best_part))

    return tuple(replace(hit, evidence=tuple(map(with_span, hit.evidence))) for hit in hits)


def _track(evidence: Evidence) -> Track:
    return view_asset_id(evidence.view_id), evidence.modality


def _get_spans(tracks: Collection[Track], space: Space) -> ClipSpans:
    return get_clip_spans(
        space=space,
        asset_ids={asset_id for asset_id, _ in tracks},
        modalities=sorted({modality for _, modality in tracks}),
    )
