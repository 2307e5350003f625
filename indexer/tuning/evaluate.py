"""How well a space joins held-out pictures and texts, and whether another one is better.

Better means: by more than chance, by the 95 % interval of the mean difference in mAP.
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
"""Per kind of query. More would cost time and narrow the interval little."""

Metrics = dict[str, dict[str, float]]
"""By kind of query, then by name of the metric."""

KINDS: Mapping[str, Callable[[CaptionedPicture], tuple[str, ...]]] = {
    "words → pictures": lambda picture: picture.labels,
    "titles → pictures": lambda picture: picture.names,
    "queries → pictures": lambda picture: picture.queries,
}
BACKWARDS = "pictures → words"


@dataclass(frozen=True, slots=True)
class HoldoutEval:
    """Queries over held-out pictures.

    `truth` (pictures, texts) is one where the text is true of the picture; `queries` gives the
    texts of each kind of query; the features are those of the frozen towers.
    """

    picture_features: Features
    text_features: Features
    truth: csr_matrix
    queries: Mapping[str, Ids]

    def evaluate(self, encoder: TunableEncoder) -> dict[str, list[QueryResult]]:
        """Return the result of every query under an encoder's heads, by kind."""
        pictures = encoder.project_pictures(self.picture_features)
        texts = encoder.project_texts(self.text_features)
        truth_of_texts = csr_matrix(self.truth.T)
        results = {
            kind: _rank(texts, pictures, truth_of_texts, rows)
            for kind, rows in self.queries.items()
        }
        return results | {
            BACKWARDS: _rank(pictures, texts, self.truth, _sample(self.truth.shape[0]))
        }


def make_holdout_eval(
    pictures: Sequence[CaptionedPicture],
    features: Features,
    words: Sequence[str],
    word_features: Features,
) -> HoldoutEval:
    """Make the evaluation on these pictures.

    `features` is (pictures, width). `words`, with features (words, width), contain at least every
    label, name and query of the pictures.
    """
    known = {text: row for row, text in enumerate(words)}
    kept = sorted(
        {known[text] for picture in pictures for part in KINDS.values() for text in part(picture)}
    )
    column = {row: place for place, row in enumerate(kept)}
    truth = np.zeros((len(pictures), len(kept)), np.float32)
    queries: dict[str, set[int]] = {}
    for row, picture in enumerate(pictures):
        for kind, part in KINDS.items():
            for text in part(picture):
                truth[row, column[known[text]]] = 1
                queries.setdefault(kind, set()).add(column[known[text]])
    chosen = {kind: np.array(sorted(rows))[_sample(len(rows))] for kind, rows in queries.items()}
    return HoldoutEval(features, word_features[kept], csr_matrix(truth), chosen)


def compute_metrics(results: Mapping[str, Sequence[QueryResult]]) -> Metrics:
    """Return the metrics that are shown, by kind of query."""
    summaries = {kind: summarise(own) for kind, own in results.items()}
    return {kind: {name: summary[name] for name in SHOWN} for kind, summary in summaries.items()}


def estimate_gain(
    before: Mapping[str, Sequence[QueryResult]], after: Mapping[str, Sequence[QueryResult]]
) -> Estimate:
    """Estimate how much mAP rises, as the mean over the kinds of query, with its 95 % interval."""
    return estimate_mean(*(
        [_precision(new) - _precision(old) for old, new in zip(outcomes, after[kind], strict=True)]
        for kind, outcomes in before.items()
    ))  # fmt: skip


def _precision(outcome: QueryResult) -> float:
    return average_precision(outcome.ranks, outcome.relevant)


def _rank(queries: Vectors, targets: Vectors, truth: csr_matrix, rows: Ids) -> list[QueryResult]:
    """Rank `targets` (m, dim) for the given rows of `queries` (n, dim). Truth is (n, m)."""
    order = np.argsort(-(queries[rows] @ targets.T), axis=1, kind="stable")
    results = []
    for place, row in enumerate(rows):
        relevant = truth.indices[truth.indptr[row] : truth.indptr[row + 1]]
        ranks = np.flatnonzero(np.isin(order[place], relevant)) + 1
        results.append(QueryResult(tuple(ranks.tolist()), len(relevant), len(targets)))
    return results


def _sample(count: int) -> Ids:
    """Return at most MAX_QUERIES of so many places, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, MAX_QUERIES)).astype(np.int64))
