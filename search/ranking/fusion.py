"""From scored views to scored products."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from search.ranking.normalise import Scale
from search.types import ASSET_BITS, ASSET_MASK, Candidates, Evidence, Hit, Ids, Modality

Shares = Mapping[tuple[Modality, Modality], float]
"""How much a view of one modality (second) says about a question asked in another (first)."""

SHARES: Shares = {
    (Modality.TEXT, Modality.TEXT): 1.0,
    (Modality.TEXT, Modality.PICTURE): 0.5,
    (Modality.PICTURE, Modality.PICTURE): 1.0,
    (Modality.PICTURE, Modality.TEXT): 0.25,
    (Modality.TEXT, Modality.AUDIO): 1.0,
    (Modality.TEXT, Modality.VIDEO): 1.5,
    (Modality.PICTURE, Modality.AUDIO): 0.5,
    (Modality.PICTURE, Modality.VIDEO): 1.0,
    (Modality.AUDIO, Modality.AUDIO): 1.0,
    (Modality.AUDIO, Modality.TEXT): 0.25,
    (Modality.AUDIO, Modality.PICTURE): 0.25,
    (Modality.AUDIO, Modality.VIDEO): 0.25,
}
"""Chosen by `manage.py bench_fusion` on the sample shop, on real garments, and on real sounds
and videos among pictures (docs/fusion.md); a pair not listed counts in full."""

FLOOR = 1.0
"""A part of a clip that was not asked for in its own modality counts by what it stands out above
this, in standard deviations: the best of many parts is above average by chance, and most
questions do not ask how a thing sounds."""

BESIDE = 0.25
"""What is heard and said in a video says so much less of it than a sound by itself does: often
it is music or talk."""


@dataclass(frozen=True, slots=True)
class ProbeScores:
    """Every view of the products in question, scored for one probe, with the scale of each
    modality.
    """

    asked: Modality
    weight: float
    candidates: tuple[Candidates, ...]
    scales: dict[Modality, Scale]


def best_views(candidates: Candidates, scale: Scale) -> Iterator[tuple[int, Evidence]]:
    """A product's best view of this modality; `candidates` come best first, so a product's first
    row is its best.
    """
    products, rows = np.unique(candidates.product_ids, return_index=True)
    scores = candidates.scores[rows]
    columns = (products, candidates.view_ids[rows], scores, scale.apply(scores))
    found = zip(*(column.tolist() for column in columns), best_parts(candidates, rows), strict=True)
    for product, view_id, score, high, part in found:
        yield product, Evidence(candidates.modality, view_id, score, high, part)


def best_parts(candidates: Candidates, rows: Ids) -> list[int]:
    """For each of these rows the number of the best part of its asset: its own, where it is one."""
    own: list[int] = (candidates.view_ids[rows] >> ASSET_BITS).tolist()
    if candidates.modality is not Modality.VIDEO:
        return own
    # A clip as a whole has no second to play from, but the best of its frames has.
    frames = candidates.view_ids[candidates.view_ids >> ASSET_BITS > 0]
    assets, first = np.unique(frames & ASSET_MASK, return_index=True)
    best = dict(zip(assets.tolist(), (frames[first] >> ASSET_BITS).tolist(), strict=True))
    asked = (candidates.view_ids[rows] & ASSET_MASK).tolist()
    return [part or best.get(asset, 0) for part, asset in zip(own, asked, strict=True)]


def _films(candidates: Iterable[Candidates]) -> frozenset[int]:
    """Ids of the videos among these views."""
    shown = (
        found.view_ids & ASSET_MASK for found in candidates if found.modality is Modality.VIDEO
    )
    return frozenset(asset for assets in shown for asset in assets.tolist())


def _told(view: Evidence, asked: Modality, films: frozenset[int]) -> float:
    """What a view counts before its share."""
    if not view.best_part or (view.modality is asked and asked is not Modality.TEXT):
        return view.standardised
    above = max(0.0, view.standardised - FLOOR)
    beside = view.modality is not Modality.VIDEO and view.view_id & ASSET_MASK in films
    return above * BESIDE if beside else above


def fuse(probes: Iterable[ProbeScores], shares: Shares = SHARES) -> list[Hit]:
    """One hit per product, best first, equal scores by product id.

    A product's score is the weighted sum, over probes and modalities, of its best view's
    standardised score, less `FLOOR` and never below 0 for parts of clips asked for in another
    modality, and of those `BESIDE` for what goes with the pictures of a video. A missing
    modality adds 0, which is what an average view would add: it neither helps nor harms.
    """
    totals: dict[int, float] = {}
    evidence: dict[int, list[Evidence]] = {}
    for probe in probes:
        films = _films(probe.candidates)
        for candidates in probe.candidates:
            weight = probe.weight * shares.get((probe.asked, candidates.modality), 1.0)
            for product, view in best_views(candidates, probe.scales[candidates.modality]):
                totals[product] = totals.get(product, 0.0) + weight * _told(
                    view, probe.asked, films
                )
                evidence.setdefault(product, []).append(view)
    hits = [Hit(product, score, tuple(evidence[product])) for product, score in totals.items()]
    return sorted(hits, key=lambda hit: (-hit.score, hit.product_id))
