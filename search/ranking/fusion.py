"""Late fusion: from scored views of several modalities to one score per product."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from search.modalities import MODALITIES
from search.ranking.normalise import ScoreNormaliser
from search.types import Candidates, Evidence, Hit, Ids, Modality, view_asset_id, view_part_number

ModalityWeights = Mapping[tuple[Modality, Modality], float]
"""Weight of a view by (modality of the query, modality of the view); 1 for a pair not listed."""

MODALITY_WEIGHTS: ModalityWeights = MODALITIES.weights
"""Chosen by `manage.py bench_fusion` on the sample shop, on real garments, and on real sounds
and videos among pictures (docs/fusion.md)."""

CLIP_SCORE_THRESHOLD = 1.0
"""In standard deviations. Where a query of another modality matches a part of a clip, only the
score above this threshold counts: the best of many parts is above average by chance, and most
queries do not ask how a product sounds."""

VIDEO_TRACK_WEIGHT = 0.25
"""Weight of a video's audio and subtitles relative to a standalone sound: often they are music
or talk."""


@dataclass(frozen=True, slots=True)
class QueryScores:
    """Scores of every view of the candidate products for one query vector.

    `candidates` holds one entry per modality; `normalisers` has the normaliser of each.
    """

    query_modality: Modality
    weight: float
    candidates: tuple[Candidates, ...]
    normalisers: Mapping[Modality, ScoreNormaliser]


def fuse(queries: Iterable[QueryScores], weights: ModalityWeights = MODALITY_WEIGHTS) -> list[Hit]:
    """Return one hit per product, best first; equal scores are ordered by product id.

    The score of a product is a weighted sum over query vectors and modalities:

    1. For each modality, take the product's best view and its normalised score.
    2. If the view is part of a clip and the query is of another modality, keep only the score
       above `CLIP_SCORE_THRESHOLD`, never below 0; multiply it by `VIDEO_TRACK_WEIGHT` if the
       view is a track of a video.
    3. Multiply by the query's weight and the weight of the pair of modalities, and add up.

    A missing modality adds 0, as an average view would: it neither helps nor harms.
    """
    totals: dict[int, float] = {}
    evidence: dict[int, list[Evidence]] = {}
    for query in queries:
        video_asset_ids = _video_asset_ids(query.candidates)
        for candidates in query.candidates:
            modality = candidates.modality
            weight = query.weight * weights.get((query.query_modality, modality), 1.0)
            for product, view in _best_views(candidates, query.normalisers[modality]):
                score = _view_score(view, query.query_modality, video_asset_ids)
                totals[product] = totals.get(product, 0.0) + weight * score
                evidence.setdefault(product, []).append(view)
    hits = [Hit(product, score, tuple(evidence[product])) for product, score in totals.items()]
    return sorted(hits, key=lambda hit: (-hit.score, hit.product_id))


def _best_views(
    candidates: Candidates, normaliser: ScoreNormaliser
) -> Iterator[tuple[int, Evidence]]:
    """Yield each product's id and its best view.

    Candidates are ordered best first, so a product's first row is its best.
    """
    products, rows = np.unique(candidates.product_ids, return_index=True)
    scores = candidates.scores[rows]
    columns = (products, candidates.view_ids[rows], scores, normaliser.normalise(scores))
    table = zip(
        *(column.tolist() for column in columns), _best_parts(candidates, rows), strict=True
    )
    for product, view_id, score, normalised, part in table:
        yield product, Evidence(candidates.modality, view_id, score, normalised, part)


def _best_parts(candidates: Candidates, rows: Ids) -> list[int]:
    """Return for each row the number of its part of a clip, 0 for what has no parts.

    For a video as a whole, which has no timestamp to play from, it is that of its best frame.
    """
    parts: list[int] = view_part_number(candidates.view_ids[rows]).tolist()
    if candidates.modality is not Modality.VIDEO:
        return parts
    frames = candidates.view_ids[view_part_number(candidates.view_ids) > 0]
    assets, first = np.unique(view_asset_id(frames), return_index=True)
    best_frames = dict(zip(assets.tolist(), view_part_number(frames[first]).tolist(), strict=True))
    row_assets = view_asset_id(candidates.view_ids[rows]).tolist()
    return [
        part or best_frames.get(asset, 0) for part, asset in zip(parts, row_assets, strict=True)
    ]


def _video_asset_ids(candidates: Iterable[Candidates]) -> frozenset[int]:
    """Return the asset ids of all videos among these views."""
    videos = (found.view_ids for found in candidates if found.modality is Modality.VIDEO)
    return frozenset(asset for ids in videos for asset in view_asset_id(ids).tolist())


def _view_score(view: Evidence, query_modality: Modality, video_asset_ids: frozenset[int]) -> float:
    """Return what a view adds to its product's score, before the weight of its modality."""
    same_modality = view.modality is query_modality and query_modality is not Modality.TEXT
    if not view.best_part or same_modality:
        return view.standardised
    above = max(0.0, view.standardised - CLIP_SCORE_THRESHOLD)
    is_track = (
        view.modality is not Modality.VIDEO and view_asset_id(view.view_id) in video_asset_ids
    )
    return above * VIDEO_TRACK_WEIGHT if is_track else above
