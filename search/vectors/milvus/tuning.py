"""Choose the cheapest search parameters at the target recall, measured on the server."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from search.types import Modality
from search.vectors.manifest import RECALL_AT, MeasuredSetting, SegmentManifest, TunedSetting
from search.vectors.milvus.build_stats import BuildStats
from search.vectors.milvus.collection import MilvusCollection
from search.vectors.milvus.filters import ProductFilter
from search.vectors.milvus.segment import MilvusSegment
from search.vectors.scoring import TIE_MARGIN

REFINE_STEPS = (4, 8, 16)


def tune_segment(
    collection: MilvusCollection, draft: SegmentManifest, stats: BuildStats, target: float
) -> SegmentManifest:
    """Return the manifest with settings tuned for queries of each modality.

    An exact index has nothing to tune.
    """
    if collection.metadata.index_type == "FLAT":
        return draft
    segment = MilvusSegment(collection, draft)
    tuned = {
        query_modality: _tune_modality(segment, stats, query_modality, target)
        for query_modality in stats.queries
    }
    return draft.model_copy(update={"tuned": tuned})


def _tune_modality(
    segment: MilvusSegment, stats: BuildStats, query_modality: Modality, target: float
) -> TunedSetting:
    """Return the first setting at the target, or the best."""
    curve: list[MeasuredSetting] = []
    for nprobe, refine in _setting_ladder(segment):
        setting = TunedSetting(nprobe=nprobe, refine=refine, recall=0, queries=1)
        curve.append(_measure(segment, stats, query_modality, setting))
        if curve[-1].recall >= target:
            break
    best = max(curve, key=lambda measured: measured.recall)
    return TunedSetting(
        nprobe=best.nprobe,
        refine=best.refine,
        recall=best.recall,
        queries=len(stats.queries[query_modality]),
        curve=tuple(curve),
    )


def _setting_ladder(segment: MilvusSegment) -> Iterator[tuple[int, int]]:
    powers = [2**power for power in range(max(1, segment.manifest.lists.bit_length()))]
    for refine in REFINE_STEPS:
        for nprobe in powers:
            yield nprobe, refine


def _measure(
    segment: MilvusSegment, stats: BuildStats, query_modality: Modality, setting: TunedSetting
) -> MeasuredSetting:
    """Measure recall@10 and time. A view is right when it scores at least the true k-th."""
    no_filter = ProductFilter(None, np.empty(0, np.int64))
    queries = stats.queries[query_modality]
    k = min(RECALL_AT, stats.views)
    started = time.perf_counter()
    answers = segment.search(queries, k, no_filter, setting=setting, nprobe=setting.nprobe)
    microseconds = (time.perf_counter() - started) * 1e6 / len(queries)
    right = [
        found.scores >= kth_score - TIE_MARGIN
        for found, kth_score in zip(answers, stats.kth_scores(query_modality), strict=True)
    ]
    return MeasuredSetting(
        nprobe=setting.nprobe,
        refine=setting.refine,
        recall=float(np.mean(right)),
        microseconds=microseconds,
    )
