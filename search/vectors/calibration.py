"""Calibration queries with exact answers, stored per segment.

Another way to search the segment (a GPU) measures its recall with them, without an exact search of
its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from search.errors import CorruptGeneration
from search.files import open_durable
from search.types import Modality, Vectors
from search.vectors.manifest import RECALL_AT
from search.vectors.scoring import ScoredRows, Scores
from search.vectors.store import RowStore

MAX_TUNING_QUERIES = 1_000
"""Most queries of one modality that a segment is tuned on."""

MIN_RECALL_GAP = 0.005
"""Half of the sampled queries cannot tell apart recalls that are closer than this."""


@dataclass(frozen=True, slots=True)
class CalibrationQueries:
    """Queries of one modality, (q, dim), and the score of the last of each one's best views, (q,).

    The best views are RECALL_AT, or all where there are fewer.
    """

    vectors: Vectors
    kth_scores: Scores

    @classmethod
    def search_exactly(cls, store: RowStore, vectors: Vectors) -> CalibrationQueries:
        """Find the exact answers among all rows of the store by matrix products.

        The scores are lowered by 1e-6, because float32 sums differ in the last digit.
        """
        k = min(RECALL_AT, len(store))
        best = np.full((len(vectors), 0), -np.inf, np.float32)
        for block in store.read_blocks():
            scores, _ = faiss.knn(
                vectors, block, min(k, len(block)), metric=faiss.METRIC_INNER_PRODUCT
            )
            best = np.concatenate([best, scores], axis=1)
            best = -np.sort(-best, axis=1)[:, :k]
        return cls(vectors, best[:, -1] - np.float32(1e-6))

    @property
    def tuning_half(self) -> CalibrationQueries:
        """The half that settings are chosen with."""
        return CalibrationQueries(self.vectors[::2], self.kth_scores[::2])

    @property
    def validation_half(self) -> CalibrationQueries:
        """The other half, which measures recall; the same where there is only one query."""
        first = 1 if len(self.vectors) > 1 else 0
        return CalibrationQueries(self.vectors[first::2], self.kth_scores[first::2])


def measure_recall(found: ScoredRows, queries: CalibrationQueries) -> float:
    """Return the recall of what was found for the queries, (q, k).

    A view is right when its score is at least that of the true k-th, so that ties do not count
    against the index.
    """
    k = found.scores.shape[1]
    is_right = found.scores >= queries.kth_scores[:, np.newaxis]
    return float(np.mean(np.minimum(np.count_nonzero(is_right, axis=1), k)) / k)


def write_queries(path: Path, queries: Mapping[Modality, CalibrationQueries]) -> None:
    """Write the validation half of every modality's queries as one array of records."""
    parts = [_to_records(modality, part.validation_half) for modality, part in queries.items()]
    with open_durable(path) as file:
        np.lib.format.write_array(file, np.concatenate(parts), allow_pickle=False)


def read_queries(path: Path, dim: int) -> dict[Modality, CalibrationQueries]:
    """Read what `write_queries` wrote. Raises CorruptGeneration for any other content."""
    try:
        records = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CorruptGeneration(f"{path} cannot be opened: {error}") from error
    if records.dtype != _record_type(dim):
        raise CorruptGeneration(
            f"{path} should hold queries of {dim} components", value=str(records.dtype)
        )
    queries = {}
    for name in np.unique(records["modality"]).tolist():
        own = records[records["modality"] == name]
        queries[Modality(name)] = CalibrationQueries(
            np.ascontiguousarray(own["vector"]), own["least"]
        )
    return queries


def _to_records(modality: Modality, queries: CalibrationQueries) -> npt.NDArray[np.void]:
    records = np.empty(len(queries.vectors), _record_type(queries.vectors.shape[1]))
    records["modality"] = modality.value
    records["least"] = queries.kth_scores
    records["vector"] = queries.vectors
    return records


def _record_type(dim: int) -> np.dtype[np.void]:
    return np.dtype([("modality", "<U8"), ("least", "<f4"), ("vector", "<f4", (dim,))])
