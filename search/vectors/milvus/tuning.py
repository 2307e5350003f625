"""The cheapest search parameters that reach the target recall, measured on the server against exact answers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from search.vectors.manifest import SegmentManifest
from search.vectors.milvus.collection import RemoteCollection
from search.vectors.milvus.eligible import Eligible
from search.vectors.milvus.schema import LISTED
from search.vectors.milvus.segment import RemoteSegment
from search.vectors.milvus.tally import RECALL_AT, Tally
from search.vectors.scoring import TIE_MARGIN

RECALL_TARGET = 0.97
REFINE_STEPS = (4, 8, 16)


def tuned(collection: RemoteCollection, draft: SegmentManifest, tally: Tally) -> SegmentManifest:
    """The manifest with `nprobe`, `refine` and the recall reached: the first setting at the target, or the best."""
    queries = sum(map(len, tally.queries))
    best, reached = draft, -1.0
    for nprobe, refine in _ladder(draft, collection):
        tried = draft.model_copy(update={"nprobe": nprobe, "refine": refine, "recall_queries": queries})
        recall = _recall(RemoteSegment(collection, tried), tally)
        if recall > reached:
            best, reached = tried.model_copy(update={"recall": recall}), recall
        if recall >= RECALL_TARGET:
            break
    return best


def _ladder(draft: SegmentManifest, collection: RemoteCollection) -> Iterator[tuple[int, int]]:
    listed = collection.record.index_type in LISTED
    powers = [2**power for power in range(draft.lists.bit_length())] if listed else [0]
    for refine in (1,) if collection.record.index_type == "FLAT" else REFINE_STEPS:
        for nprobe in powers:
            yield nprobe, refine


def _recall(segment: RemoteSegment, tally: Tally) -> float:
    """The worst recall@10 over the query sets. A view is right when its score is at least the true k-th."""
    everything = Eligible(None, np.empty(0, np.int64))
    k = min(RECALL_AT, tally.views)
    recalls = []
    for queries, truths in zip(tally.queries, tally.truths(), strict=True):
        answers = segment.search(queries, k, everything, segment.manifest.nprobe or None)
        right = [found.scores >= cut - TIE_MARGIN for found, cut in zip(answers, truths, strict=True)]
        recalls.append(float(np.mean(right)))
    return min(recalls)
