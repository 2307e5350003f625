"""Compare two models: both answer the golden set through the code that serves the shop."""

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

METRICS = ("mAP", "hit@1", "hit@10", "MRR", "nDCG@10")
TOP = 10

PICTURES_ONLY: ModalityWeights = {**MODALITY_WEIGHTS, (Modality.TEXT, Modality.TEXT): 0.0}
"""In any space a title finds itself among the texts."""

WEIGHTS_BY_SOURCE: Mapping[GoldenSetSource, ModalityWeights] = {
    GoldenSetSource.CATALOGUE: PICTURES_ONLY
}


@dataclass
class _Answers:
    """How one model answered: result, first products and milliseconds of every query."""

    results: list[QueryResult] = field(default_factory=list)
    top: list[frozenset[int]] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    def metrics(self) -> dict[str, float]:
        """Return the metrics that are shown. mAP counts products that the shop ranks."""
        summary = summarise(self.results)
        times = np.percentile(self.milliseconds, [50, 95])
        return {
            **{name: summary[name] for name in METRICS},
            "p50 ms": float(times[0]),
            "p95 ms": float(times[1]),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """The metrics of both models.

    `gain` is the rise of mAP per query; `overlap` the mean share of the TOP products in common.
    """

    before: dict[str, float]
    after: dict[str, float]
    gain: Estimate
    overlap: float


def compare(
    golden: GoldenSet, current: ActiveModel, target: ActiveModel, advance: Callable[[], None]
) -> Comparison:
    """Answer every query with both models in turn.

    Raises InputError without a query, and what answering raises.
    """
    answers = _Answers(), _Answers()
    weights = WEIGHTS_BY_SOURCE.get(golden.source, MODALITY_WEIGHTS)
    for model in (current, target):
        model.query_encoder().embed_text("the first call loads the model")
    for query in golden.queries:
        for model, own in zip((current, target), answers, strict=True):
            _answer(query, model, own, weights)
        advance()
    before, after = answers
    gains = [
        _precision(new) - _precision(old)
        for old, new in zip(before.results, after.results, strict=True)
    ]
    return Comparison(
        before.metrics(), after.metrics(), estimate_mean(gains), _overlap(before.top, after.top)
    )


def _answer(
    query: GoldenQuery, model: ActiveModel, answers: _Answers, weights: ModalityWeights
) -> None:
    picture = None
    if query.picture is not None:
        picture = decode_picture(query.picture, PictureLimits.from_settings(engine_settings()))
    timer = StageTimer()
    embedded = EmbeddedQuery(SearchQuery(text=query.text, picture=picture), model, timer)
    ranked = [hit.product_id for hit in embedded.rank(weights=weights).hits]
    answers.milliseconds.append(sum(timer.stages.values()))
    answers.top.append(frozenset(ranked[:TOP]))
    relevant, exclude = (list(map(str, ids)) for ids in (query.relevant, query.exclude))
    answers.results.append(evaluate_ranking(list(map(str, ranked)), relevant, exclude=exclude))


def _precision(result: QueryResult) -> float:
    return average_precision(result.ranks, result.relevant)


def _overlap(before: Sequence[frozenset[int]], after: Sequence[frozenset[int]]) -> float:
    """Return the mean overlap. Two empty answers agree."""
    shares = [
        len(old & new) / max(len(old), len(new)) if old or new else 1.0
        for old, new in zip(before, after, strict=True)
    ]
    return fmean(shares)
