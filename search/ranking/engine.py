"""The query pipeline over one vector index: coarse search per modality, exact completion,
standardise, fuse.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from search.errors import QueryError
from search.ranking.fusion import SHARES, ProbeScores, Shares, fuse
from search.ranking.normalise import Scale
from search.ranking.probe import Probe
from search.types import Hit, Ids, Modality, StageTimings
from search.vectors.contract import IndexReader

ResultT = TypeVar("ResultT")

VIEWS_PER_PRODUCT = 3
"""First guess at how many views must be found to fill a window of products; doubled while the
window stays short."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Products best first, whether the window cut some off, and milliseconds per stage."""

    hits: tuple[Hit, ...]
    window_full: bool
    timings: StageTimings


class Stopwatch:
    """Adds up milliseconds per named stage."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}

    def time(self, stage: str, work: Callable[[], ResultT]) -> ResultT:
        started = time.perf_counter()
        try:
            return work()
        finally:
            self.add({stage: (time.perf_counter() - started) * 1000})

    def add(self, stages: Mapping[str, float]) -> None:
        for stage, spent in stages.items():
            self.stages[stage] = self.stages.get(stage, 0.0) + spent


def searchable(index: IndexReader) -> list[Modality]:
    return [modality for modality in Modality if index.count(modality)]


def coarse(index: IndexReader, probes: Sequence[Probe], window: int, allowed: Ids | None) -> Ids:
    """Ids of products that have a view among the best of any modality for any probe, ascending.

    Views are asked for until every modality has given `window` products or has no more.
    """
    found = []
    for modality in searchable(index):
        for probe in probes:
            k = window * VIEWS_PER_PRODUCT
            while True:
                candidates = index.search(
                    probe.vector, modality, k, allowed, query_modality=probe.modality
                )[0]
                products = np.unique(candidates.product_ids)
                if len(products) >= window or len(candidates.view_ids) < k:
                    break
                k *= 2
            found.append(products)
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.int64)


def score(index: IndexReader, probe: Probe, products: Ids) -> ProbeScores:
    """Exact scores of every view of these products: a product found by its words is also judged
    by its pictures.
    """
    candidates = tuple(index.score_products(probe.vector, products))
    scales = {
        found.modality: Scale.of(probe.vector, index.background(found.modality))
        for found in candidates
    }
    return ProbeScores(probe.modality, probe.weight, candidates, scales)


def rank(
    index: IndexReader,
    probes: Sequence[Probe],
    *,
    window: int,
    allowed: Ids | None = None,
    without: frozenset[int] = frozenset(),
    shares: Shares = SHARES,
) -> Ranking:
    """The best `window` products for all probes together.

    `allowed` are strictly ascending product ids a filter left over; `without` are products never
    returned. Raises QueryError for no probes or a window under 1.
    """
    if not probes:
        raise QueryError("nothing to search for", fix="Give words or a picture.")
    if window < 1:
        raise QueryError("the window must hold at least one product", value=window)
    watch = Stopwatch()
    products = watch.time("coarse", lambda: coarse(index, probes, window + len(without), allowed))
    scored = watch.time("score", lambda: [score(index, probe, products) for probe in probes])
    hits = watch.time(
        "rank", lambda: [hit for hit in fuse(scored, shares) if hit.product_id not in without]
    )
    return Ranking(tuple(hits[:window]), len(hits) > window, StageTimings(watch.stages))
