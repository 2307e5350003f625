"""Search parameters for queries of each modality, found on sampled queries against exact search.

Queries of one modality lie elsewhere in the space than the views of another and are harder to answer, so each is tuned
alone. Half of the queries choose, the other half says what recall was reached.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import faiss
import numpy as np

from search.types import Modality, Vectors
from search.vectors.manifest import RECALL_AT, Setting, Tuned
from search.vectors.scoring import Scores
from search.vectors.segment import Segment, faiss_threads
from search.vectors.store import RowStore
from search.vectors.training import blocks, even_rows, threads_for

QUERIES = 1_000
REFINE_STEPS = (2, 4, 8, 16)

LEAST_GAIN = 0.002
TELLABLE = 0.005
"""Half of the sampled queries do not tell recalls apart that are closer than this."""

LEAST_LADDER = 8

TIMED_AGAIN = 3


def sample_queries(store: RowStore, count: int = QUERIES) -> Vectors:
    """Evenly spaced vectors of a segment, to be used as queries."""
    return store.vectors(even_rows(len(store), count))


def filled_up(questions: Vectors, sampled: Vectors | None) -> Vectors:
    """The questions, and sampled views where they are too few to tell settings apart."""
    lacking = QUERIES - len(questions)
    if sampled is None or lacking <= 0:
        return questions
    return np.concatenate([questions, sampled[even_rows(len(sampled), lacking)]])


def tune(segment: Segment, questions: Mapping[Modality, Vectors], target: float) -> dict[Modality, Tuned]:
    """For queries of each modality the setting that reaches the target recall fastest, or the best there is."""
    with faiss_threads(threads_for(len(segment))):
        return {asked: _tuned(segment, queries, target) for asked, queries in questions.items() if len(queries)}


def _tuned(segment: Segment, queries: Vectors, target: float) -> Tuned:
    k = min(RECALL_AT, len(segment))
    truth = kth_scores(segment.store, queries, k)
    choosing, judging = slice(0, None, 2), slice(1 if len(queries) > 1 else 0, None, 2)
    curve = _curve(segment, queries[choosing], truth[choosing], k, target)
    enough = [setting for setting in curve if setting.recall >= _aim(target)]
    if enough:
        chosen = _fastest(segment, queries[choosing], truth[choosing], k, enough)
    else:
        chosen = max(curve, key=lambda setting: setting.recall)
    reached = measure(segment, queries[judging], truth[judging], k, chosen.nprobe, chosen.refine)
    return Tuned(
        nprobe=chosen.nprobe,
        refine=chosen.refine,
        recall=reached.recall,
        queries=len(truth[judging]),
        curve=tuple(curve),
    )


def _aim(target: float) -> float:
    """A little above the target, so that other queries than those that choose reach it too."""
    return min(1.0, target + TELLABLE)


def reaches(tuned: Mapping[Modality, Tuned], target: float) -> bool:
    """Do queries of every modality reach the target, as far as the sample can tell?"""
    return all(each.recall >= target - TELLABLE for each in tuned.values())


def _fastest(segment: Segment, queries: Vectors, truth: Scores, k: int, enough: list[Setting]) -> Setting:
    """The fastest of these settings. Timed once, one may seem slow or fast by chance: none can be faster than one that
    scans no more lists and re-scores no more views, and the rest are timed again in turn."""
    contenders = [one for one in enough if not any(_does_less(other, one) for other in enough)]
    timed = [
        measure(segment, queries, truth, k, one.nprobe, one.refine) for _ in range(TIMED_AGAIN) for one in contenders
    ]
    return min(timed, key=_cost)


def _does_less(one: Setting, other: Setting) -> bool:
    less = one.nprobe <= other.nprobe and one.refine <= other.refine
    return less and (one.nprobe, one.refine) != (other.nprobe, other.refine)


def _cost(setting: Setting) -> tuple[float, int, int]:
    return setting.microseconds, setting.nprobe, setting.refine


def _curve(segment: Segment, queries: Vectors, truth: Scores, k: int, target: float) -> list[Setting]:
    """For each length of the shortlist, more and more lists until the target or the codes' own limit is reached."""
    curve: list[Setting] = []
    for refine in REFINE_STEPS:
        former = -1.0
        for nprobe in _ladder(segment.manifest.lists):
            setting = measure(segment, queries, truth, k, nprobe, refine)
            curve.append(setting)
            gain, former = setting.recall - former, setting.recall
            if setting.recall >= _aim(target):
                curve += _between(segment, queries, truth, k, setting, _aim(target))
                break
            if nprobe > LEAST_LADDER and gain < LEAST_GAIN:
                break
    return curve


def _between(
    segment: Segment, queries: Vectors, truth: Scores, k: int, enough: Setting, target: float
) -> list[Setting]:
    """Settings between the last power of two that was too few and the one that is enough."""
    low, high, tried = enough.nprobe // 2, enough.nprobe, []
    while high - low > max(1, high // 8):
        middle = (low + high) // 2
        setting = measure(segment, queries, truth, k, middle, enough.refine)
        tried.append(setting)
        low, high = (low, middle) if setting.recall >= target else (middle, high)
    return tried


def measure(segment: Segment, queries: Vectors, truth: Scores, k: int, nprobe: int, refine: int) -> Setting:
    """One setting on these queries. A returned view is right when its score is at least that of the true k-th, so that
    ties do not count against the index."""
    started = time.perf_counter()
    block = segment.search(queries, k, segment.everything, nprobe=nprobe, refine=refine)
    spent = time.perf_counter() - started
    right = np.minimum(np.count_nonzero(block.scores >= truth[:, np.newaxis], axis=1), k)
    return Setting(
        nprobe=nprobe, refine=refine, recall=float(np.mean(right) / k), microseconds=spent / len(queries) * 1e6
    )


def kth_scores(store: RowStore, queries: Vectors, k: int) -> Scores:
    """Of each query the k-th best score among all rows, by matrix products; a little less, for float32's sake."""
    best = np.full((len(queries), 0), -np.inf, np.float32)
    for block in blocks(store):
        scores, _ = faiss.knn(queries, block, min(k, len(block)), metric=faiss.METRIC_INNER_PRODUCT)
        best = np.concatenate([best, scores], axis=1)
        best = -np.sort(-best, axis=1)[:, :k]
    kth: Scores = best[:, -1] - np.float32(1e-6)
    return kth


def _ladder(lists: int) -> list[int]:
    return [*(2**power for power in range(lists.bit_length()) if 2**power < lists), lists]
