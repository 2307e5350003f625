"""The IVF-PQ lists of a segment on a GPU: the codes of its file, so that what was tuned for them holds there too."""

from __future__ import annotations

import faiss

from search.config import GpuShape
from search.types import Modality, Vectors
from search.vectors.gpu.cuvs import MOST_FETCHED, lists_on, one_at_a_time
from search.vectors.gpu.found import eligible, to_fetch
from search.vectors.manifest import RECALL_AT, SegmentManifest
from search.vectors.questions import Questions, recall
from search.vectors.rows import RowSet
from search.vectors.scoring import SPARE, Block
from search.vectors.store import RowStore


class ListsOnGpu:
    """Lists searched by cuVS; their shortlist is re-scored from the fp16 rows, which stay where they are."""

    shape: GpuShape = "ivf_pq"

    def __init__(
        self,
        device: str,
        store: RowStore,
        manifest: SegmentManifest,
        lists: faiss.Index,
        questions: dict[Modality, Questions],
    ) -> None:
        """Copy the lists to the GPU, and measure what they find there."""
        self._store = store
        self._manifest = manifest
        self._refined = faiss.IndexRefine(lists_on(device, lists), store.flat)
        everything = RowSet(len(store))
        fetched = RECALL_AT + SPARE
        self.recall = min(
            recall(self._answer(asked.vectors, RECALL_AT, everything, kind, fetched), asked)
            for kind, asked in questions.items()
        )

    def search(self, queries: Vectors, k: int, rows: RowSet, asked: Modality | None) -> Block | None:
        """See `OnGpu`."""
        fetched = to_fetch(k, rows)
        return None if fetched is None else self._answer(queries, k, rows, asked, fetched)

    def _answer(self, queries: Vectors, k: int, rows: RowSet, asked: Modality | None, fetched: int) -> Block:
        tuned = self._manifest.tuned_for(asked)
        shortlist = min(max(max(k, RECALL_AT) * tuned.refine, fetched), MOST_FETCHED)
        holding = -(-shortlist * self._manifest.lists // rows.count)
        lists = min(self._manifest.lists, max(tuned.nprobe, holding))
        # The rows that are eligible are left out: cuVS would pass them over without a word.
        parameters = RowSet(rows.size).refined_parameters(lists, shortlist / fetched)
        with one_at_a_time:
            scores, found = self._refined.search(queries, fetched, params=parameters)
        return eligible(self._store, queries, scores, found, rows, k)
