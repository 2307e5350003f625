"""Search parameters for queries of each modality, found on sampled queries against exact search.

Queries of one modality lie elsewhere in the space than the views of another and are harder to
answer, so each is tuned alone. Half of the queries choose, the other half says what recall was
reached.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from search.types import Modality, Vectors
from search.vectors.calibration import MAX_TUNING_QUERIES, TELLABLE, Questions, recall
from search.vectors.faiss.segment import Segment, faiss_threads
from search.vectors.faiss.training import even_rows, threads_for
from search.vectors.manifest import RECALL_AT, Setting, Tuned
from search.vectors.store import RowStore

REFINE_STEPS = (2, 4, 8, 16)

LEAST_GAIN = 0.002
LEAST_LADDER = 8

TIMED_AGAIN = 3


def sample_queries(store: RowStore, count: int = MAX_TUNING_QUERIES) -> Vectors:
    """Evenly spaced vectors of a segment, to be used as queries."""
    return store.vectors(even_rows(len(store), count))


def filled_up(questions: Vectors, sampled: Vectors | None) -> Vectors:
    """The questions, and sampled views where they are too few to tell settings apart."""
    lacking = MAX_TUNING_QUERIES - len(questions)
    if sampled is None or lacking <= 0:
        return questions
    return np.concatenate([questions, sampled[even_rows(len(sampled), lacking)]])


def asked_of(store: RowStore, sampled: Mapping[Modality, Vectors]) -> dict[Modality, Questions]:
    """Queries of each modality with their exact answers in the store; modalities without queries
    are left out.
    """
    with faiss_threads(threads_for(len(store))):
        return {
            kind: Questions.of(store, queries) for kind, queries in sampled.items() if len(queries)
        }


def tune(
    segment: Segment, questions: Mapping[Modality, Questions], target: float
) -> dict[Modality, Tuned]:
    """For queries of each modality the setting that reaches the target recall fastest, or the
    best there is.
    """
    with faiss_threads(threads_for(len(segment))):
        return {kind: _tuned(segment, asked, target) for kind, asked in questions.items()}


def _tuned(segment: Segment, asked: Questions, target: float) -> Tuned:
    curve = _curve(segment, asked.choosing, target)
    enough = [setting for setting in curve if setting.recall >= _aim(target)]
    best = max(curve, key=lambda setting: setting.recall)
    chosen = _fastest(segment, asked.choosing, enough) if enough else best
    reached = measure(segment, asked.judging, chosen.nprobe, chosen.refine)
    return Tuned(
        nprobe=chosen.nprobe,
        refine=chosen.refine,
        recall=reached.recall,
        queries=len(asked.judging.vectors),
        curve=tuple(curve),
    )


def _aim(target: float) -> float:
    """A little above the target, so that other queries than those that choose reach it too."""
    return min(1.0, target + TELLABLE)


def reaches(tuned: Mapping[Modality, Tuned], target: float) -> bool:
    """Do queries of every modality reach the target, as far as the sample can tell?"""
    return all(each.recall >= target - TELLABLE for each in tuned.values())


def _fastest(segment: Segment, asked: Questions, enough: list[Setting]) -> Setting:
    """The fastest of these settings. Timed once, one may seem slow or fast by chance: none can
    be faster than one that scans no more lists and re-scores no more views, and the rest are
    timed again in turn.
    """
    contenders = [one for one in enough if not any(_does_less(other, one) for other in enough)]
    timed = [
        measure(segment, asked, one.nprobe, one.refine)
        for _ in range(TIMED_AGAIN)
        for one in contenders
    ]
    return min(timed, key=_cost)


def _does_less(one: Setting, other: Setting) -> bool:
    less = one.nprobe <= other.nprobe and one.refine <= other.refine
    return less and (one.nprobe, one.refine) != (other.nprobe, other.refine)


def _cost(setting: Setting) -> tuple[float, int, int]:
    return setting.microseconds, setting.nprobe, setting.refine


def _curve(segment: Segment, asked: Questions, target: float) -> list[Setting]:
    """For each length of the shortlist, more and more lists until the target or the codes' own
    limit is reached.
    """
    curve: list[Setting] = []
    for refine in REFINE_STEPS:
        former = -1.0
        for nprobe in _ladder(segment.manifest.lists):
            setting = measure(segment, asked, nprobe, refine)
            curve.append(setting)
            gain, former = setting.recall - former, setting.recall
            if setting.recall >= _aim(target):
                curve += _between(segment, asked, setting, _aim(target))
                break
            if nprobe > LEAST_LADDER and gain < LEAST_GAIN:
                break
    return curve


def _between(segment: Segment, asked: Questions, enough: Setting, target: float) -> list[Setting]:
    """Settings between the last power of two that was too few and the one that is enough."""
    low, high, tried = enough.nprobe // 2, enough.nprobe, []
    while high - low > max(1, high // 8):
        middle = (low + high) // 2
        setting = measure(segment, asked, middle, enough.refine)
        tried.append(setting)
        low, high = (low, middle) if setting.recall >= target else (middle, high)
    return tried


def measure(segment: Segment, asked: Questions, nprobe: int, refine: int) -> Setting:
    """One setting on these queries."""
    k = min(RECALL_AT, len(segment))
    started = time.perf_counter()
    found = segment.search(asked.vectors, k, segment.everything, nprobe=nprobe, refine=refine)
    spent = time.perf_counter() - started
    return Setting(
        nprobe=nprobe,
        refine=refine,
        recall=recall(found, asked),
        microseconds=spent / len(asked.vectors) * 1e6,
    )


def _ladder(lists: int) -> list[int]:
    return [*(2**power for power in range(lists.bit_length()) if 2**power < lists), lists]
