"""Shadow queries: two spaces answer the same questions through the code that serves the shop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np

from indexer.model_change.golden_set import GoldenQuery, GoldenSet
from search.config import engine_settings
from search.evaluation.metrics import average_precision
from search.evaluation.results import QueryResult, evaluate_ranking, summarise
from search.evaluation.significance import Estimate, estimate_mean
from search.media.limits import PictureLimits
from search.media.picture import decode_picture
from search.ranking.engine import StageTimer
from search.ranking.fusion import MODALITY_WEIGHTS, ModalityWeights
from search.types import Modality
from webapp.catalog.models import GoldenSetSource
from webapp.retrieval.embedded_query import EmbeddedQuery
from webapp.retrieval.models_runtime import ActiveModel
from webapp.retrieval.search_query import SearchQuery

SHOWN = ("mAP", "hit@1", "hit@10", "MRR", "nDCG@10")
TOP = 10

PICTURES_ALONE: ModalityWeights = {**MODALITY_WEIGHTS, (Modality.TEXT, Modality.TEXT): 0.0}
"""A title finds itself among the texts, in any space."""

WEIGHTS_BY_SOURCE: Mapping[GoldenSetSource, ModalityWeights] = {
    GoldenSetSource.CATALOGUE: PICTURES_ALONE
}


@dataclass
class Side:
    """How one space answered: the outcome of every question, its first products, and
    milliseconds.
    """

    judged: list[QueryResult] = field(default_factory=list)
    top: list[frozenset[int]] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    def metrics(self) -> dict[str, float]:
        """The metrics shown; mAP counts what is found among the products that the shop ranks."""
        summary = summarise(self.judged)
        times = np.percentile(self.milliseconds, [50, 95])
        return {
            **{name: summary[name] for name in SHOWN},
            "p50 ms": float(times[0]),
            "p95 ms": float(times[1]),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """`gain` is how much mAP rises, query by query; `overlap` the mean share of the ten best
    that both have.
    """

    before: dict[str, float]
    after: dict[str, float]
    gain: Estimate
    overlap: float


def compare(
    golden: GoldenSet, current: ActiveModel, target: ActiveModel, advance: Callable[[], None]
) -> Comparison:
    """Ask every question of both spaces in turn. Raises InputError without a question, and what
    answering raises.
    """
    sides = Side(), Side()
    weights = WEIGHTS_BY_SOURCE.get(golden.kind, MODALITY_WEIGHTS)
    for model in (current, target):
        model.query_encoder().embed_text("the first call loads the model")
    for question in golden.questions:
        for model, side in zip((current, target), sides, strict=True):
            _ask(question, model, side, weights)
        advance()
    before, after = sides
    gains = [
        _precision(new) - _precision(old)
        for old, new in zip(before.judged, after.judged, strict=True)
    ]
    return Comparison(
        before.metrics(), after.metrics(), estimate_mean(gains), _overlap(before.top, after.top)
    )


def _ask(question: GoldenQuery, model: ActiveModel, side: Side, weights: ModalityWeights) -> None:
    picture = None
    if question.picture is not None:
        picture = decode_picture(question.picture, PictureLimits.from_settings(engine_settings()))
    timer = StageTimer()
    asked = EmbeddedQuery(SearchQuery(text=question.text, picture=picture), model, timer)
    found = [hit.product_id for hit in asked.rank(weights=weights).hits]
    side.milliseconds.append(sum(timer.stages.values()))
    side.top.append(frozenset(found[:TOP]))
    relevant, without = (
        [str(each) for each in part] for part in (question.relevant, question.without)
    )
    side.judged.append(evaluate_ranking([str(each) for each in found], relevant, exclude=without))


def _precision(outcome: QueryResult) -> float:
    return average_precision(outcome.ranks, outcome.relevant)


def _overlap(before: Sequence[frozenset[int]], after: Sequence[frozenset[int]]) -> float:
    """1 where neither finds anything: they agree."""
    pairs = list(zip(before, after, strict=True))
    return fmean(
        len(old & new) / max(len(old), len(new)) if old or new else 1.0 for old, new in pairs
    )
