"""The IVF-PQ lists of a segment on a GPU: the codes of its file, so that what was tuned for them
holds there too.
"""

from __future__ import annotations

import faiss

from search.config import GpuIndexType
from search.types import Modality, Vectors
from search.vectors.calibration import Questions, recall
from search.vectors.faiss.gpu.cuvs import MOST_FETCHED, lists_on, one_at_a_time
from search.vectors.faiss.gpu.postprocess import eligible, rescored, to_fetch
from search.vectors.manifest import RECALL_AT, SegmentManifest
from search.vectors.row_filter import RowSet
from search.vectors.scoring import SPARE, Block
from search.vectors.store import RowStore


class ListsOnGpu:
    """Lists searched by cuVS; the shortlist is re-scored from the fp16 rows, which stay in the
    mapped file until then.

    FAISS's own re-scoring would read beyond the rows: cuVS fills lines that lists are too short
    for with the largest number there is.
    """

    shape: GpuIndexType = "ivf_pq"

    def __init__(
        self,
        device: str,
        store: RowStore,
        manifest: SegmentManifest,
        lists: faiss.Index,
        questions: dict[Modality, Questions],
    ) -> None:
        """Copy the lists to the GPU, and measure what they find there."""
        self._device = device
        self._store = store
        self._manifest = manifest
        self._lists = lists_on(device, lists)
        everything = RowSet(len(store))
        fetched = RECALL_AT + SPARE
        self.recall = min(
            recall(self._answer(asked.vectors, RECALL_AT, everything, kind, fetched), asked)
            for kind, asked in questions.items()
        )

    def search(
        self, queries: Vectors, k: int, rows: RowSet, asked: Modality | None
    ) -> Block | None:
        """See `OnGpu`."""
        fetched = to_fetch(k, rows)
        return None if fetched is None else self._answer(queries, k, rows, asked, fetched)

    def _answer(
        self, queries: Vectors, k: int, rows: RowSet, asked: Modality | None, fetched: int
    ) -> Block:
        tuned = self._manifest.tuned_for(asked)
        shortlist = min(max(max(k, RECALL_AT) * tuned.refine, fetched), MOST_FETCHED, rows.size)
        holding = -(-shortlist * self._manifest.lists // rows.count)
        # Which rows are eligible is left out: cuVS would pass that over without a word.
        parameters = faiss.SearchParametersIVF(
            nprobe=min(self._manifest.lists, max(tuned.nprobe, holding))
        )  # type: ignore[call-arg]
        with one_at_a_time:
            _, found = self._lists.search(queries, shortlist, params=parameters)
        return eligible(
            self._store,
            queries,
            rescored(self._device, self._store, queries, found),
            found,
            rows,
            k,
        )
