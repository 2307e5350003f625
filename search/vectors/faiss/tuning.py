"""Choose search parameters for queries of each modality by measuring them against exact search.

Queries of one modality lie in another part of the space than views of another modality and are
harder to answer, so each is tuned alone. Half of the queries choose the setting; the other half
measures its recall.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from search.types import Modality, Vectors
from search.vectors.calibration import (
    MAX_TUNING_QUERIES,
    MIN_RECALL_GAP,
    CalibrationQueries,
    measure_recall,
)
from search.vectors.faiss.library import use_threads
from search.vectors.faiss.segment import FaissSegment
from search.vectors.faiss.training import even_rows, threads_for
from search.vectors.manifest import RECALL_AT, MeasuredSetting, TunedSetting
from search.vectors.store import RowStore

REFINE_STEPS = (2, 4, 8, 16)

MIN_GAIN = 0.002
"""Doubling the lists stops where recall gains less, from MIN_LISTS_TRIED on."""

MIN_LISTS_TRIED = 8

TIMING_ROUNDS = 3


def sample_queries(store: RowStore, count: int = MAX_TUNING_QUERIES) -> Vectors:
    """Return evenly spaced vectors of a segment, to be used as queries."""
    return store.vectors(even_rows(len(store), count))


def fill_up_queries(queries: Vectors, sampled: Vectors | None) -> Vectors:
    """Return the queries, and sampled views where they are too few to compare settings."""
    missing = MAX_TUNING_QUERIES - len(queries)
    if sampled is None or missing <= 0:
        return queries
    return np.concatenate([queries, sampled[even_rows(len(sampled), missing)]])


def answer_exactly(
    store: RowStore, queries: Mapping[Modality, Vectors]
) -> dict[Modality, CalibrationQueries]:
    """Return the queries of each modality that has any, with their exact answers in the store."""
    with use_threads(threads_for(len(store))):
        return {
            modality: CalibrationQueries.search_exactly(store, vectors)
            for modality, vectors in queries.items()
            if len(vectors)
        }


def tune(
    segment: FaissSegment, queries: Mapping[Modality, CalibrationQueries], target: float
) -> dict[Modality, TunedSetting]:
    """Return for each query modality the fastest setting at the target recall, or the best."""
    with use_threads(threads_for(len(segment))):
        return {
            modality: _tune_modality(segment, part, target) for modality, part in queries.items()
        }


def _tune_modality(
    segment: FaissSegment, queries: CalibrationQueries, target: float
) -> TunedSetting:
    curve = _measure_curve(segment, queries.tuning_half, target)
    sufficient = [setting for setting in curve if setting.recall >= _aim_for(target)]
    if sufficient:
        chosen = _choose_fastest(segment, queries.tuning_half, sufficient)
    else:
        chosen = max(curve, key=lambda setting: setting.recall)
    validation = queries.validation_half
    reached = measure(segment, validation, chosen.nprobe, chosen.refine)
    return TunedSetting(
        nprobe=chosen.nprobe,
        refine=chosen.refine,
        recall=reached.recall,
        queries=len(validation.vectors),
        curve=tuple(curve),
    )


def _aim_for(target: float) -> float:
    """Return a recall a little above the target, so that other queries reach the target too."""
    return min(1.0, target + MIN_RECALL_GAP)


def reaches(tuned: Mapping[Modality, TunedSetting], target: float) -> bool:
    """Return whether queries of every modality reach the target, as far as the sample can tell."""
    return all(setting.recall >= target - MIN_RECALL_GAP for setting in tuned.values())


def _choose_fastest(
    segment: FaissSegment, queries: CalibrationQueries, sufficient: list[MeasuredSetting]
) -> MeasuredSetting:
    """Return the fastest of these settings.

    1. Drop settings that do more than another: they cannot be faster than it.
    2. Measure the others again, in turns, because a single measurement may be slow by chance.
    """
    contenders = [
        setting
        for setting in sufficient
        if not any(_does_less(other, setting) for other in sufficient)
    ]
    timed = [
        measure(segment, queries, setting.nprobe, setting.refine)
        for _ in range(TIMING_ROUNDS)
        for setting in contenders
    ]
    return min(timed, key=_cost)


def _does_less(one: MeasuredSetting, other: MeasuredSetting) -> bool:
    """Return whether `one` scans and re-scores no more than `other`, and is another setting."""
    less = one.nprobe <= other.nprobe and one.refine <= other.refine
    return less and (one.nprobe, one.refine) != (other.nprobe, other.refine)


def _cost(setting: MeasuredSetting) -> tuple[float, int, int]:
    return setting.microseconds, setting.nprobe, setting.refine


def _measure_curve(
    segment: FaissSegment, queries: CalibrationQueries, target: float
) -> list[MeasuredSetting]:
    """For each shortlist length, scan more lists until the target is reached or recall stalls."""
    curve: list[MeasuredSetting] = []
    for refine in REFINE_STEPS:
        previous = -1.0
        for nprobe in _list_ladder(segment.manifest.lists):
            setting = measure(segment, queries, nprobe, refine)
            curve.append(setting)
            gain, previous = setting.recall - previous, setting.recall
            if setting.recall >= _aim_for(target):
                curve += _bisect(segment, queries, setting, _aim_for(target))
                break
            if nprobe > MIN_LISTS_TRIED and gain < MIN_GAIN:
                break
    return curve


def _bisect(
    segment: FaissSegment, queries: CalibrationQueries, sufficient: MeasuredSetting, target: float
) -> list[MeasuredSetting]:
    """Measure settings between a sufficient number of lists and half of it, which is too few."""
    low, high = sufficient.nprobe // 2, sufficient.nprobe
    measured = []
    while high - low > max(1, high // 8):
        middle = (low + high) // 2
        setting = measure(segment, queries, middle, sufficient.refine)
        measured.append(setting)
        low, high = (low, middle) if setting.recall >= target else (middle, high)
    return measured


def measure(
    segment: FaissSegment, queries: CalibrationQueries, nprobe: int, refine: int
) -> MeasuredSetting:
    """Measure recall and time of one setting with these queries."""
    k = min(RECALL_AT, len(segment))
    started = time.perf_counter()
    found = segment.search(queries.vectors, k, segment.all_rows, nprobe=nprobe, refine=refine)
    seconds = time.perf_counter() - started
    return MeasuredSetting(
        nprobe=nprobe,
        refine=refine,
        recall=measure_recall(found, queries),
        microseconds=seconds / len(queries.vectors) * 1e6,
    )


def _list_ladder(lists: int) -> list[int]:
    return [*(2**power for power in range(lists.bit_length()) if 2**power < lists), lists]
