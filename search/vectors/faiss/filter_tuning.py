"""How far a filtered search has to look, measured when a segment is built.

A filter leaves a query's best views farther away than tuning without one has seen, and how much
farther depends on the data and on what the filter has in common with it. Two kinds bound that:
views left over at random, and whole lists.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import numpy as np

from search.types import Modality, Vectors
from search.vectors.calibration import Questions
from search.vectors.faiss.segment import Segment
from search.vectors.manifest import RECALL_AT, Filtered, Tuned
from search.vectors.row_filter import Mask, RowSet

SHARES = (0.5, 0.2, 0.1, 0.05)
QUERIES = 200
MARGIN = 0.01
"""Aimed at above the target: so few queries do not tell closer recalls apart, and other filters
are a little harder."""

SEED = 5


def tune_filtered(
    segment: Segment, questions: Mapping[Modality, Questions], target: float
) -> tuple[Filtered, ...]:
    """For shares of eligible views, largest first: the lists that give queries of every modality
    the target recall, up to the share from which scanning the eligible views is as fast.
    """
    found: list[Filtered] = []
    lists = max((tuned.nprobe for tuned in segment.manifest.tuned.values()), default=1)
    for share in SHARES:
        slower = False
        for mask in _masks(segment, share):
            for kind, asked in questions.items():
                few = asked.vectors[:: max(1, len(asked.vectors) // QUERIES)][:QUERIES]
                tuned = segment.manifest.tuned_for(kind)
                lists, faster = _enough(
                    segment, few, RowSet(len(segment), mask=mask), tuned, lists, target
                )
                slower |= not faster
        if slower:
            break
        found.append(Filtered(share=share, nprobe=lists))
    return tuple(found)


def _enough(
    segment: Segment, queries: Vectors, rows: RowSet, tuned: Tuned, lists: int, target: float
) -> tuple[int, bool]:
    """At least `lists`, doubled until the target is reached; and whether that is faster than
    scanning.
    """
    k = min(RECALL_AT, rows.count)
    enough = min(1.0, target + MARGIN) * k
    started = time.perf_counter()
    truth = segment.search_exactly(queries, k, rows).scores[:, -1]
    scanning = time.perf_counter() - started
    while True:
        started = time.perf_counter()
        block = segment.search(queries, k, rows, nprobe=lists, refine=tuned.refine)
        right = np.count_nonzero(block.scores >= truth[:, np.newaxis] - 1e-6, axis=1)
        if time.perf_counter() - started > scanning:
            return lists, False
        if np.mean(right) >= enough or lists >= segment.manifest.lists:
            return lists, True
        lists = min(2 * lists, segment.manifest.lists)


def _masks(segment: Segment, share: float) -> Iterator[Mask]:
    """Views left over by chance, then those of lists left over by chance."""
    rng = np.random.default_rng(SEED)
    yield rng.random(len(segment)) < share
    lists = segment.rows_by_list()
    mask = np.zeros(len(segment), np.bool_)
    left = share * len(segment)
    for number in rng.permutation(len(lists)).tolist():
        if left > 0:
            mask[lists[number]] = True
            left -= len(lists[number])
    yield mask
