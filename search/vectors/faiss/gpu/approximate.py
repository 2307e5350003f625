"""Approximate search of a segment by cuVS: a CAGRA graph, or the segment's IVF-PQ lists.

Both measure their recall on the GPU with the segment's calibration queries.
"""

from __future__ import annotations

from collections.abc import Mapping

import faiss

from search.config import GpuIndexType
from search.types import Modality, Vectors
from search.vectors.calibration import MIN_RECALL_GAP, CalibrationQueries, measure_recall
from search.vectors.faiss.gpu.cuvs import (
    MAX_FETCHED,
    build_graph,
    copy_lists,
    graph_parameters,
    list_parameters,
    search_lock,
)
from search.vectors.faiss.gpu.postprocess import count_to_fetch, rescore, select_eligible
from search.vectors.manifest import RECALL_AT, SegmentManifest
from search.vectors.row_filter import RowFilter
from search.vectors.scoring import OVERFETCH, ScoredRows
from search.vectors.store import RowStore

ITOPK_LADDER = (64, 128, 256, 512)
"""Numbers of candidates that a graph search keeps, tried in this order."""


class GpuGraph:
    """A CAGRA graph whose nodes are the rows.

    Its scores are exact, because its vectors are the rows as float32.
    """

    index_type: GpuIndexType = "cagra"

    def __init__(
        self,
        device: str,
        store: RowStore,
        queries: Mapping[Modality, CalibrationQueries],
        target: float,
    ) -> None:
        """Build the graph, and tune the candidates kept for queries of each modality."""
        self._device = device
        self._store = store
        self._graph = build_graph(device, store.vectors(slice(None)))
        tuned = {modality: self._tune(part, target) for modality, part in queries.items()}
        self._itopk = {modality: itopk for modality, (itopk, _) in tuned.items()}
        self.recall = min(recall for _, recall in tuned.values())

    def _tune(self, queries: CalibrationQueries, target: float) -> tuple[int, float]:
        """Return the fewest candidates that reach the target, else the most, and their recall."""
        all_rows, recall = RowFilter(len(self._store)), 0.0
        for itopk in ITOPK_LADDER:
            found = self._fetch(queries.vectors, RECALL_AT, all_rows, RECALL_AT + OVERFETCH, itopk)
            recall = measure_recall(found, queries)
            if recall >= min(1.0, target + MIN_RECALL_GAP):
                break
        return itopk, recall

    def search(
        self, queries: Vectors, k: int, eligible: RowFilter, query_modality: Modality | None
    ) -> ScoredRows | None:
        """See `GpuIndex.search`."""
        fetch = count_to_fetch(k, eligible)
        if fetch is None:
            return None
        itopk = max(self._itopk.values())
        if query_modality is not None:
            itopk = self._itopk.get(query_modality, itopk)
        return self._fetch(queries, k, eligible, fetch, max(itopk, fetch))

    def _fetch(
        self, queries: Vectors, k: int, eligible: RowFilter, fetch: int, itopk: int
    ) -> ScoredRows:
        parameters = graph_parameters(self._device, itopk)
        with search_lock:
            scores, rows = self._graph.search(queries, fetch, params=parameters)
        return select_eligible(self._store, queries, scores, rows, eligible, k)


class GpuLists:
    """IVF-PQ lists on the GPU, with the codes of the segment's file, so that its tuning holds.

    The shortlist is re-scored with the fp16 rows, which stay in the mapped file until then. FAISS's
    own re-scoring would read beyond the rows: where lists hold too few, cuVS returns the largest
    row number there is.
    """

    index_type: GpuIndexType = "ivf_pq"

    def __init__(
        self,
        device: str,
        store: RowStore,
        manifest: SegmentManifest,
        lists: faiss.Index,
        queries: Mapping[Modality, CalibrationQueries],
    ) -> None:
        """Copy the lists to the GPU, and measure their recall there."""
        self._device = device
        self._store = store
        self._manifest = manifest
        self._lists = copy_lists(device, lists)
        self.recall = min(self._measure(modality, part) for modality, part in queries.items())

    def _measure(self, modality: Modality, queries: CalibrationQueries) -> float:
        all_rows, fetch = RowFilter(len(self._store)), RECALL_AT + OVERFETCH
        found = self._fetch(queries.vectors, RECALL_AT, all_rows, modality, fetch)
        return measure_recall(found, queries)

    def search(
        self, queries: Vectors, k: int, eligible: RowFilter, query_modality: Modality | None
    ) -> ScoredRows | None:
        """See `GpuIndex.search`."""
        fetch = count_to_fetch(k, eligible)
        return None if fetch is None else self._fetch(queries, k, eligible, query_modality, fetch)

    def _fetch(
        self,
        queries: Vectors,
        k: int,
        eligible: RowFilter,
        query_modality: Modality | None,
        fetch: int,
    ) -> ScoredRows:
        setting = self._manifest.setting_for(query_modality)
        shortlist = min(max(max(k, RECALL_AT) * setting.refine, fetch), MAX_FETCHED, eligible.size)
        for_shortlist = -(-shortlist * self._manifest.lists // eligible.count)
        nprobe = min(self._manifest.lists, max(setting.nprobe, for_shortlist))
        with search_lock:
            _, rows = self._lists.search(queries, shortlist, params=list_parameters(nprobe))
        scores = rescore(self._device, self._store, queries, rows)
        return select_eligible(self._store, queries, scores, rows, eligible, k)
