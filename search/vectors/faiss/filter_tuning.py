"""Measure at build time how many lists a filtered search must scan.

A filter leaves a query's best views farther away than unfiltered tuning has seen. How much farther
depends on the data and on how the filter relates to it. Two kinds of filters bound that: random
views, and whole lists.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import numpy as np

from search.types import Modality, Vectors
from search.vectors.calibration import CalibrationQueries
from search.vectors.faiss.segment import FaissSegment
from search.vectors.manifest import RECALL_AT, FilteredSetting, TunedSetting
from search.vectors.row_filter import Mask, RowFilter

SHARES = (0.5, 0.2, 0.1, 0.05)
MAX_QUERIES = 200
RECALL_MARGIN = 0.01
"""Aimed at above the target: so few queries cannot tell closer recalls apart, and other filters are
a little harder."""

SEED = 5


def tune_filtered(
    segment: FaissSegment, queries: Mapping[Modality, CalibrationQueries], target: float
) -> tuple[FilteredSetting, ...]:
    """Return, by share of eligible views, largest first, the lists that reach the target recall.

    They suffice for queries of every modality. The result ends at the share from which scoring all
    eligible views is as fast.
    """
    settings: list[FilteredSetting] = []
    lists = max((tuned.nprobe for tuned in segment.manifest.tuned.values()), default=1)
    for share in SHARES:
        is_faster = True
        for mask in _make_masks(segment, share):
            eligible = RowFilter(len(segment), mask=mask)
            for modality, part in queries.items():
                step = max(1, len(part.vectors) // MAX_QUERIES)
                setting = segment.manifest.setting_for(modality)
                lists, faster_here = _find_list_count(
                    segment, part.vectors[::step][:MAX_QUERIES], eligible, setting, lists, target
                )
                is_faster &= faster_here
        if not is_faster:
            break
        settings.append(FilteredSetting(share=share, nprobe=lists))
    return tuple(settings)


def _find_list_count(
    segment: FaissSegment,
    queries: Vectors,
    eligible: RowFilter,
    setting: TunedSetting,
    lists: int,
    target: float,
) -> tuple[int, bool]:
    """Double `lists` until the target recall is reached.

    Returns the number and whether scanning that many is faster than exact search.
    """
    k = min(RECALL_AT, eligible.count)
    wanted = min(1.0, target + RECALL_MARGIN) * k
    started = time.perf_counter()
    kth_scores = segment.search_exactly(queries, k, eligible).scores[:, -1]
    exact_seconds = time.perf_counter() - started
    while True:
        started = time.perf_counter()
        found = segment.search(queries, k, eligible, nprobe=lists, refine=setting.refine)
        right = np.count_nonzero(found.scores >= kth_scores[:, np.newaxis] - 1e-6, axis=1)
        if time.perf_counter() - started > exact_seconds:
            return lists, False
        if np.mean(right) >= wanted or lists >= segment.manifest.lists:
            return lists, True
        lists = min(2 * lists, segment.manifest.lists)


def _make_masks(segment: FaissSegment, share: float) -> Iterator[Mask]:
    """Yield a mask of random views, then one of the views of random lists."""
    rng = np.random.default_rng(SEED)
    yield rng.random(len(segment)) < share
    lists = segment.rows_by_list()
    mask = np.zeros(len(segment), np.bool_)
    missing = share * len(segment)
    for number in rng.permutation(len(lists)).tolist():
        if missing > 0:
            mask[lists[number]] = True
            missing -= len(lists[number])
    yield mask
