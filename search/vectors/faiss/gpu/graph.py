"""A segment's views as a CAGRA graph on a GPU, tuned there on the questions that its builder
kept.
"""

from __future__ import annotations

from search.config import GpuIndexType
from search.types import Modality, Vectors
from search.vectors.calibration import TELLABLE, Questions, recall
from search.vectors.faiss.gpu.cuvs import graph_on, graph_parameters, one_at_a_time
from search.vectors.faiss.gpu.postprocess import eligible, to_fetch
from search.vectors.manifest import RECALL_AT
from search.vectors.row_filter import RowSet
from search.vectors.scoring import SPARE, Block
from search.vectors.store import RowStore

LADDER = (64, 128, 256, 512)
"""Candidates that a search keeps at a time, tried in this order."""


class GraphOnGpu:
    """A graph whose nodes are the rows. It gives exact scores: its vectors are the rows, widened
    to float32.
    """

    shape: GpuIndexType = "cagra"

    def __init__(
        self, device: str, store: RowStore, questions: dict[Modality, Questions], target: float
    ) -> None:
        """Build the graph, and find for queries of each modality how many candidates give the
        target recall.
        """
        self._device = device
        self._store = store
        self._graph = graph_on(device, store.vectors(slice(None)))
        tuned = {kind: self._tuned(asked, target) for kind, asked in questions.items()}
        self._itopk = {kind: itopk for kind, (itopk, _) in tuned.items()}
        self.recall = min(reached for _, reached in tuned.values())

    def _tuned(self, asked: Questions, target: float) -> tuple[int, float]:
        """The shortest list of candidates that reaches the target, or the longest, and the
        recall reached.
        """
        everything, reached = RowSet(len(self._store)), 0.0
        for itopk in LADDER:
            found = self._answer(asked.vectors, RECALL_AT, everything, RECALL_AT + SPARE, itopk)
            reached = recall(found, asked)
            if reached >= min(1.0, target + TELLABLE):
                break
        return itopk, reached

    def search(
        self, queries: Vectors, k: int, rows: RowSet, asked: Modality | None
    ) -> Block | None:
        """See `OnGpu`."""
        fetched = to_fetch(k, rows)
        if fetched is None:
            return None
        itopk = (
            max(self._itopk.values())
            if asked is None or asked not in self._itopk
            else self._itopk[asked]
        )
        return self._answer(queries, k, rows, fetched, max(itopk, fetched))

    def _answer(self, queries: Vectors, k: int, rows: RowSet, fetched: int, itopk: int) -> Block:
        parameters = graph_parameters(self._device, itopk)
        with one_at_a_time:
            scores, found = self._graph.search(queries, fetched, params=parameters)
        return eligible(self._store, queries, scores, found, rows, k)
