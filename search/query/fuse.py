"""From scored views to scored products."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from search.query.standardise import Scale
from search.types import Candidates, Evidence, Hit, Modality

Shares = Mapping[tuple[Modality, Modality], float]
"""How much a view of one modality (second) says about a question asked in another (first)."""

SHARES: Shares = {
    (Modality.TEXT, Modality.TEXT): 1.0,
    (Modality.TEXT, Modality.PICTURE): 0.5,
    (Modality.PICTURE, Modality.PICTURE): 1.0,
    (Modality.PICTURE, Modality.TEXT): 0.25,
}
"""Chosen by `manage.py bench_fusion` on the sample shop and on real garments; a pair not listed counts in full."""


@dataclass(frozen=True, slots=True)
class ProbeScores:
    """Every view of the products in question, scored for one probe, with the scale of each modality."""

    asked: Modality
    weight: float
    candidates: tuple[Candidates, ...]
    scales: dict[Modality, Scale]


def best_views(candidates: Candidates, scale: Scale) -> Iterator[tuple[int, Evidence]]:
    """A product's best view of this modality; `candidates` come best first, so a product's first row is its best."""
    products, rows = np.unique(candidates.product_ids, return_index=True)
    standardised = scale.apply(candidates.scores[rows])
    for product, row, high in zip(products.tolist(), rows.tolist(), standardised.tolist(), strict=True):
        yield (
            product,
            Evidence(candidates.modality, int(candidates.view_ids[row]), float(candidates.scores[row]), high),
        )


def fuse(probes: Iterable[ProbeScores], shares: Shares = SHARES) -> list[Hit]:
    """One hit per product, best first, equal scores by product id.

    A product's score is the weighted sum, over probes and modalities, of its best view's standardised score. A missing
    modality adds 0, which is what an average view would add: it neither helps nor harms.
    """
    totals: dict[int, float] = {}
    evidence: dict[int, list[Evidence]] = {}
    for probe in probes:
        for candidates in probe.candidates:
            weight = probe.weight * shares.get((probe.asked, candidates.modality), 1.0)
            for product, view in best_views(candidates, probe.scales[candidates.modality]):
                totals[product] = totals.get(product, 0.0) + weight * view.standardised
                evidence.setdefault(product, []).append(view)
    hits = [Hit(product, score, tuple(evidence[product])) for product, score in totals.items()]
    return sorted(hits, key=lambda hit: (-hit.score, hit.product_id))
