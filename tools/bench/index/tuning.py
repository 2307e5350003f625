"""The cheapest search parameters with which an engine finds what it should."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from search.types import Ids, Modality, Vectors
from tools.bench.index.data import K, recall
from tools.bench.index.engines.base import Engine, Ladder, Setting
from tools.bench.index.measure import times_of

TARGET = 0.95
COMPARED_S = 0.3


@dataclass(frozen=True, slots=True)
class Tuned:
    """`recall` on the queries it was tuned on. Where the target was out of reach, the setting
    that came closest.
    """

    setting: Setting
    recall: float
    seconds_a_query: float

    @property
    def reached(self) -> bool:
        return self.recall >= TARGET


def tune(engine: Engine, queries: Vectors, answers: Ids) -> Tuned:
    """Climb each ladder to the first setting with the target recall; of those found, the fastest
    in a batch.
    """
    climbed = [_climb(engine, ladder, queries, answers) for ladder in engine.ladders()]
    good = [tuned for tuned in climbed if tuned.reached]
    if not good:
        return max(climbed, key=lambda tuned: tuned.recall)
    return min(good, key=lambda tuned: tuned.seconds_a_query)


def _climb(engine: Engine, ladder: Ladder, queries: Vectors, answers: Ids) -> Tuned:
    best = Tuned({}, -1.0, 0.0)
    for setting in ladder:
        engine.apply(setting)
        reached = recall(engine.rows(engine.search(queries, K, Modality.TEXT), K), answers)
        if reached > best.recall:
            best = Tuned(setting, reached, 0.0)
        if reached >= TARGET:
            break
    engine.apply(best.setting)
    return Tuned(
        best.setting,
        best.recall,
        _seconds(lambda: engine.search(queries, K, Modality.TEXT)) / len(queries),
    )


def _seconds(run: Callable[[], object]) -> float:
    return min(times_of(run, COMPARED_S))
