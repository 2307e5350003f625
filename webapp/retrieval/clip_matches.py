"""When in a clip a question is answered: seconds of the evidence on a page, and of everything in
one product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from search.ranking.engine import StageTimer, score_candidates
from search.types import Evidence, Modality, Space, Span, view_asset_id, view_part_number
from webapp.catalog.models.spans import span_at
from webapp.catalog.selectors.clips import ClipSpans, get_clip_spans
from webapp.retrieval.embedded_query import EmbeddedQuery
from webapp.retrieval.models_runtime import active_model
from webapp.retrieval.results import ProductHit
from webapp.retrieval.search_query import SearchQuery


@dataclass(frozen=True, slots=True)
class ClipMatch:
    """A part of a clip: its seconds, and how well it answers, in standard deviations above
    chance.
    """

    span: Span
    standardised: float


@dataclass(frozen=True, slots=True)
class ClipTimeline:
    """What one clip shows (key frames), plays (windows of sound) or says (subtitles), from its
    beginning to its end.
    """

    asset_id: int
    modality: Modality
    matches: tuple[ClipMatch, ...]

    @property
    def best(self) -> ClipMatch:
        return max(self.matches, key=lambda moment: moment.standardised)


def match_clips(request: SearchQuery, product_id: int) -> tuple[ClipTimeline, ...]:
    """Every part of every clip of a product, scored for the question; none for a request that
    asks nothing.

    Several questions in one request add up by their weights. Strips come in the order of assets,
    then of Modality. Raises QueryError, EncoderError, Unavailable.
    """
    answering = active_model()
    question = EmbeddedQuery(request, answering, StageTimer())
    totals: dict[tuple[int, Modality], dict[int, float]] = defaultdict(dict)
    for query_vector in question.vectors:
        scored = score_candidates(question.index, query_vector, np.array([product_id], np.int64))
        for found in scored.candidates:
            high = scored.normalisers[found.modality].normalise(found.scores) * query_vector.weight
            for view_id, value in zip(found.view_ids.tolist(), high.tolist(), strict=True):
                if part := view_part_number(view_id):
                    parts = totals[view_asset_id(view_id), found.modality]
                    parts[part] = parts.get(part, 0.0) + value
    spans = _spans(totals.keys(), answering.space)
    order = {modality: place for place, modality in enumerate(Modality)}
    return tuple(
        ClipTimeline(
            asset_id, modality, _in_time(totals[asset_id, modality], spans[asset_id, modality])
        )
        for asset_id, modality in sorted(totals, key=lambda key: (key[0], order[key[1]]))
        if (asset_id, modality) in spans
    )


def _in_time(parts: dict[int, float], stored: bytes) -> tuple[ClipMatch, ...]:
    found = [
        ClipMatch(span, value) for part, value in parts.items() if (span := span_at(stored, part))
    ]
    return tuple(sorted(found, key=lambda moment: (moment.span.start, moment.span.end)))


def with_timestamps(hits: Sequence[ProductHit], space: Space) -> tuple[ProductHit, ...]:
    """The hits of a page, with the seconds of the evidence that is part of a clip. At most one
    query.
    """
    shown = {_place(evidence) for hit in hits for evidence in hit.evidence if evidence.best_part}
    spans = _spans(shown, space)

    def told(evidence: Evidence) -> Evidence:
        return replace(evidence, span=span_at(spans.get(_place(evidence), b""), evidence.best_part))

    return (
        tuple(replace(hit, evidence=tuple(map(told, hit.evidence))) for hit in hits)
        if spans
        else tuple(hits)
    )


def _place(evidence: Evidence) -> tuple[int, Modality]:
    return view_asset_id(evidence.view_id), evidence.modality


def _spans(places: Collection[tuple[int, Modality]], space: Space) -> ClipSpans:
    return get_clip_spans(
        space=space,
        asset_ids={asset_id for asset_id, _ in places},
        modalities=sorted({modality for _, modality in places}),
    )
