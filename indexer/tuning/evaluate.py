"""How well a space joins held-out pictures and words, and whether another one does better by
more than chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from indexer.tuning.dataset import CaptionedPicture
from search.encoders.protocol import Features, TunableEncoder
from search.evaluation.metrics import average_precision
from search.evaluation.results import QueryResult, summarise
from search.evaluation.significance import Estimate, estimate_mean
from search.types import Ids, Vectors

SHOWN = ("mAP", "hit@1", "hit@10", "MRR", "nDCG@10")
MAX_QUERIES = 1_500
"""Of one kind. More would cost time and narrow the interval little."""

Metrics = dict[str, dict[str, float]]
"""By kind of question, then by name of the metric."""

KINDS: Mapping[str, Callable[[CaptionedPicture], tuple[str, ...]]] = {
    "words → pictures": lambda picture: picture.labels,
    "titles → pictures": lambda picture: picture.names,
    "queries → pictures": lambda picture: picture.queries,
}
BACKWARDS = "pictures → words"


@dataclass(frozen=True, slots=True)
class HoldoutEval:
    """Questions over held-out pictures. `truth` (pictures, texts) is one where the text is true
    of the picture; `asked` gives the texts that each kind of question asks; the features are
    those of the frozen towers.
    """

    picture_features: Features
    text_features: Features
    truth: csr_matrix
    asked: Mapping[str, Ids]

    def judge(self, encoder: TunableEncoder) -> dict[str, list[QueryResult]]:
        """The outcome of every question under an encoder's heads."""
        pictures = encoder.project_pictures(self.picture_features)
        texts = encoder.project_texts(self.text_features)
        of_texts = csr_matrix(self.truth.T)
        judged = {
            kind: _ranked(texts, pictures, of_texts, rows) for kind, rows in self.asked.items()
        }
        return judged | {
            BACKWARDS: _ranked(pictures, texts, self.truth, _some(self.truth.shape[0]))
        }


def make_holdout_eval(
    pictures: Sequence[CaptionedPicture],
    features: Features,
    words: Sequence[str],
    word_features: Features,
) -> HoldoutEval:
    """`features` (pictures, width) of the held-out pictures; `words` with their features (words,
    width) hold at least every label, name and query of them.
    """
    known = {text: row for row, text in enumerate(words)}
    kept = sorted(
        {known[text] for picture in pictures for part in KINDS.values() for text in part(picture)}
    )
    column = {row: place for place, row in enumerate(kept)}
    truth = np.zeros((len(pictures), len(kept)), np.float32)
    asked: dict[str, set[int]] = {}
    for row, picture in enumerate(pictures):
        for kind, part in KINDS.items():
            for text in part(picture):
                truth[row, column[known[text]]] = 1
                asked.setdefault(kind, set()).add(column[known[text]])
    chosen = {kind: np.array(sorted(rows))[_some(len(rows))] for kind, rows in asked.items()}
    return HoldoutEval(features, word_features[kept], csr_matrix(truth), chosen)


def compute_metrics(judged: Mapping[str, Sequence[QueryResult]]) -> Metrics:
    """The metrics shown, by kind of question."""
    summaries = {kind: summarise(outcomes) for kind, outcomes in judged.items()}
    return {kind: {name: summary[name] for name in SHOWN} for kind, summary in summaries.items()}


def gain(
    before: Mapping[str, Sequence[QueryResult]], after: Mapping[str, Sequence[QueryResult]]
) -> Estimate:
    """How much mAP rises in the mean of all kinds of question, which were asked of both, with
    its 95 % interval.
    """
    return estimate_mean(*(
        [_precision(new) - _precision(old) for old, new in zip(outcomes, after[kind], strict=True)]
        for kind, outcomes in before.items()
    ))  # fmt: skip


def _precision(outcome: QueryResult) -> float:
    return average_precision(outcome.ranks, outcome.relevant)


def _ranked(asking: Vectors, asked: Vectors, truth: csr_matrix, rows: Ids) -> list[QueryResult]:
    """Outcomes of the questions `rows` of `asking` (n, dim) over `asked` (m, dim); truth is (n,
    m).
    """
    order = np.argsort(-(asking[rows] @ asked.T), axis=1, kind="stable")
    outcomes = []
    for place, row in enumerate(rows):
        relevant = truth.indices[truth.indptr[row] : truth.indptr[row + 1]]
        ranks = np.flatnonzero(np.isin(order[place], relevant)) + 1
        outcomes.append(QueryResult(tuple(ranks.tolist()), len(relevant), len(asked)))
    return outcomes


def _some(count: int) -> Ids:
    """At most MAX_QUERIES of so many, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, MAX_QUERIES)).astype(np.int64))
