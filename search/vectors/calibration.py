"""Questions that a segment was judged by, kept in its folder: whoever searches it in another
way, on a GPU say, measures what that finds without an exact search of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from search.errors import CorruptGeneration
from search.types import Modality, Vectors
from search.vectors.layout import open_durable
from search.vectors.manifest import RECALL_AT
from search.vectors.scoring import Block, Scores
from search.vectors.store import RowStore

MAX_TUNING_QUERIES = 1_000
"""Most queries of one modality that a segment is tuned on."""

TELLABLE = 0.005
"""Half of the sampled queries do not tell recalls apart that are closer than this."""


@dataclass(frozen=True, slots=True)
class Questions:
    """Queries of one modality, shape (q, dim), and for each the score of the last of its
    RECALL_AT best views, or of all where there are fewer, shape (q,).
    """

    vectors: Vectors
    least: Scores

    @classmethod
    def of(cls, store: RowStore, vectors: Vectors) -> Questions:
        """With the exact answers among all rows, by matrix products; a little less, for
        float32's sake.
        """
        k = min(RECALL_AT, len(store))
        best = np.full((len(vectors), 0), -np.inf, np.float32)
        for block in store.blocks():
            scores, _ = faiss.knn(
                vectors, block, min(k, len(block)), metric=faiss.METRIC_INNER_PRODUCT
            )
            best = np.concatenate([best, scores], axis=1)
            best = -np.sort(-best, axis=1)[:, :k]
        return cls(vectors, best[:, -1] - np.float32(1e-6))

    @property
    def choosing(self) -> Questions:
        """The half that settings are chosen by."""
        return Questions(self.vectors[::2], self.least[::2])

    @property
    def judging(self) -> Questions:
        """The other half, which says what recall was reached; the same one where there is only
        one question.
        """
        first = 1 if len(self.vectors) > 1 else 0
        return Questions(self.vectors[first::2], self.least[first::2])


def recall(found: Block, asked: Questions) -> float:
    """Recall of what was found for the questions, (q, k). A view is right when its score is at
    least that of the true k-th, so that ties do not count against the index.
    """
    k = found.scores.shape[1]
    right = np.minimum(np.count_nonzero(found.scores >= asked.least[:, np.newaxis], axis=1), k)
    return float(np.mean(right) / k)


def write_questions(path: Path, questions: Mapping[Modality, Questions]) -> None:
    """Those that judge, of every modality, as one array of records."""
    parts = [_records(kind, asked.judging) for kind, asked in questions.items()]
    with open_durable(path) as file:
        np.lib.format.write_array(file, np.concatenate(parts), allow_pickle=False)


def read_questions(path: Path, dim: int) -> dict[Modality, Questions]:
    """What `write_questions` wrote. Raises CorruptGeneration where the file holds something
    else.
    """
    try:
        records = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CorruptGeneration(f"{path} cannot be opened: {error}") from error
    if records.dtype != _record(dim):
        raise CorruptGeneration(
            f"{path} should hold questions of {dim} components", value=str(records.dtype)
        )
    found = {}
    for name in np.unique(records["modality"]).tolist():
        those = records[records["modality"] == name]
        found[Modality(name)] = Questions(np.ascontiguousarray(those["vector"]), those["least"])
    return found


def _records(kind: Modality, asked: Questions) -> npt.NDArray[np.void]:
    records = np.empty(len(asked.vectors), _record(asked.vectors.shape[1]))
    records["modality"], records["least"], records["vector"] = (
        kind.value,
        asked.least,
        asked.vectors,
    )
    return records


def _record(dim: int) -> np.dtype[np.void]:
    return np.dtype([("modality", "<U8"), ("least", "<f4"), ("vector", "<f4", (dim,))])
