"""The cheapest search parameters that reach the target recall, measured on the server against
exact answers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from search.types import Modality
from search.vectors.manifest import RECALL_AT, SegmentManifest, Setting, Tuned
from search.vectors.milvus.build_stats import Tally
from search.vectors.milvus.collection import RemoteCollection
from search.vectors.milvus.filters import Eligible
from search.vectors.milvus.segment import RemoteSegment
from search.vectors.scoring import TIE_MARGIN

REFINE_STEPS = (4, 8, 16)


def tuned_segment(
    collection: RemoteCollection, draft: SegmentManifest, tally: Tally, target: float
) -> SegmentManifest:
    """The manifest with what was tuned for queries of each modality; an exact index has nothing
    to tune.
    """
    if collection.record.index_type == "FLAT":
        return draft
    segment = RemoteSegment(collection, draft)
    return draft.model_copy(
        update={"tuned": {asked: _tuned(segment, tally, asked, target) for asked in tally.queries}}
    )


def _tuned(segment: RemoteSegment, tally: Tally, asked: Modality, target: float) -> Tuned:
    """The first setting at the target, or the best."""
    curve: list[Setting] = []
    for nprobe, refine in _ladder(segment):
        curve.append(
            _tried(segment, tally, asked, Tuned(nprobe=nprobe, refine=refine, recall=0, queries=1))
        )
        if curve[-1].recall >= target:
            break
    best = max(curve, key=lambda setting: setting.recall)
    return Tuned(
        nprobe=best.nprobe, refine=best.refine, recall=best.recall, queries=len(tally.queries[asked]),
        curve=tuple(curve),
    )  # fmt: skip


def _ladder(segment: RemoteSegment) -> Iterator[tuple[int, int]]:
    powers = [2**power for power in range(max(1, segment.manifest.lists.bit_length()))]
    for refine in REFINE_STEPS:
        for nprobe in powers:
            yield nprobe, refine


def _tried(segment: RemoteSegment, tally: Tally, asked: Modality, setting: Tuned) -> Setting:
    """Recall@10 with this setting. A view is right when its score is at least the true k-th."""
    everything = Eligible(None, np.empty(0, np.int64))
    queries = tally.queries[asked]
    started = time.perf_counter()
    answers = segment.search(
        queries, min(RECALL_AT, tally.views), everything, tuned=setting, nprobe=setting.nprobe
    )
    microseconds = (time.perf_counter() - started) * 1e6 / len(queries)
    right = [
        found.scores >= cut - TIE_MARGIN
        for found, cut in zip(answers, tally.truth(asked), strict=True)
    ]
    return Setting(
        nprobe=setting.nprobe,
        refine=setting.refine,
        recall=float(np.mean(right)),
        microseconds=microseconds,
    )
