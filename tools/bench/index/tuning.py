"""Find the cheapest search parameters of an engine that reach the target recall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from search.types import Ids, Modality, Vectors
from tools.bench.index.data import K, recall
from tools.bench.index.engines.base import Engine, Ladder, Setting
from tools.bench.index.measure import time_repeatedly

TARGET = 0.95
COMPARED_S = 0.3


@dataclass(frozen=True, slots=True)
class Tuned:
    """A setting and its recall on the tuning queries; the best one if none reached the target."""

    setting: Setting
    recall: float
    seconds_per_query: float

    @property
    def reached(self) -> bool:
        return self.recall >= TARGET


def tune(engine: Engine, queries: Vectors, answers: Ids) -> Tuned:
    """Return the fastest setting: of each ladder, the first one with the target recall."""
    climbed = [_climb(engine, ladder, queries, answers) for ladder in engine.ladders()]
    good = [tuned for tuned in climbed if tuned.reached]
    if not good:
        return max(climbed, key=lambda tuned: tuned.recall)
    return min(good, key=lambda tuned: tuned.seconds_per_query)


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
    return min(time_repeatedly(run, COMPARED_S))
