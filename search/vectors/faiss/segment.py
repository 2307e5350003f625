"""A segment opened for search: FAISS finds rows, the row store gives their final scores."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from search.config import GpuIndexType
from search.types import Ids, Modality, Vectors
from search.vectors.faiss.brute_force import StoreExactSearch, search_exactly
from search.vectors.faiss.gpu.contract import GpuIndex, GpuSettings
from search.vectors.faiss.library import (
    ONE_BY_ONE_MAX_QUERIES,
    make_one_by_one,
    read_index,
    use_threads,
)
from search.vectors.manifest import RECALL_AT, SegmentManifest
from search.vectors.row_filter import UNFILTERED_SHARE, RowFilter
from search.vectors.scoring import OVERFETCH, ScoredRows, rerank_ties
from search.vectors.store import INDEX, RowStore, segment_file

logger = logging.getLogger(__name__)


class FaissSegment:
    """Views of one modality. Immutable: safe to search from many threads."""

    def __init__(
        self,
        folder: Path,
        manifest: SegmentManifest,
        dim: int,
        threads: int = 1,
        gpu: GpuSettings | None = None,
    ) -> None:
        """Open files that were checked. Raises CorruptGeneration where they contradict `manifest`.

        `threads` serve a call with several queries; one query uses one core, because a parallel
        region costs more and hangs children after a fork. `gpu` searches the segment if it fits
        there.
        """
        self.manifest = manifest
        self.store = RowStore(folder, manifest.modality, manifest.views, dim)
        self.all_rows = RowFilter(manifest.views)
        self._threads = threads
        self._lists: faiss.Index | None = None
        if manifest.index_type != "exact":
            self._lists = read_index(
                segment_file(folder, manifest.modality, INDEX), manifest.views, dim
            )
            self._is_rotated = isinstance(self._lists, faiss.IndexPreTransform)
            self._batch_index = faiss.IndexRefine(self._lists, self.store.flat)
            self._one_by_one_index = faiss.IndexRefine(
                make_one_by_one(self._lists), self.store.flat
            )
        self.gpu_index = (
            None if gpu is None else _open_on_gpu(gpu, folder, self.store, manifest, self._lists)
        )

    def __len__(self) -> int:
        return self.manifest.views

    @property
    def recall(self) -> float:
        """Recall@10, measured on the GPU where that searches the segment."""
        return self.manifest.recall if self.gpu_index is None else self.gpu_index.recall

    @property
    def gpu_index_type(self) -> GpuIndexType | None:
        return None if self.gpu_index is None else self.gpu_index.index_type

    def rows_by_list(self) -> list[Ids]:
        """Return the rows of each inverted list that has any; none in an exact segment."""
        if self._lists is None:
            return []
        inverted: Any = faiss.extract_index_ivf(self._lists).invlists
        sizes = [inverted.list_size(number) for number in range(inverted.nlist)]
        return [
            faiss.rev_swig_ptr(inverted.get_ids(number), size).copy()
            for number, size in enumerate(sizes)
            if size
        ]

    def search(
        self,
        queries: Vectors,
        k: int,
        eligible: RowFilter,
        query_modality: Modality | None = None,
        *,
        nprobe: int | None = None,
        refine: int | None = None,
    ) -> ScoredRows:
        """Return for each query (q, dim) the min(k, eligible) best rows, best first.

        `nprobe` lists are scanned, on the processor, and `refine` × k views re-scored; None uses
        what was tuned for queries of `query_modality`.
        """
        k = min(k, eligible.count)
        if not (k and len(queries)):
            return ScoredRows.empty(len(queries))
        with use_threads(self._threads if len(queries) > 1 else 1):
            if nprobe is None and self.gpu_index is not None:
                found = self._search_gpu(self.gpu_index, queries, k, eligible, query_modality)
                if found is not None:
                    return self._complete(found, queries, k, eligible)
            if self._lists is None:
                return self.search_exactly(queries, k, eligible)
            setting = self.manifest.setting_for(query_modality)
            shortlist = max(max(k, RECALL_AT) * (refine or setting.refine), k + OVERFETCH)
            lists = nprobe or self._lists_to_scan(setting.nprobe, shortlist, eligible)
            if lists is None or 2 * shortlist >= eligible.count:
                return self.search_exactly(queries, k, eligible)
            return self._search_lists(queries, k, eligible, lists, shortlist)

    def _search_gpu(
        self,
        gpu_index: GpuIndex,
        queries: Vectors,
        k: int,
        eligible: RowFilter,
        query_modality: Modality | None,
    ) -> ScoredRows | None:
        try:
            return gpu_index.search(queries, k, eligible, query_modality)
        except RuntimeError as error:  # raised by FAISS and torch when a GPU fails or is full
            logger.warning("the GPU failed, the processor answers: %s", error)
            return None

    def search_exactly(self, queries: Vectors, k: int, eligible: RowFilter) -> ScoredRows:
        """Return the same by scoring all eligible rows."""
        exact = StoreExactSearch(self.store, eligible)
        return search_exactly(self.store, exact, queries, min(k, eligible.count))

    def _lists_to_scan(self, tuned: int, shortlist: int, eligible: RowFilter) -> int | None:
        """Return how many lists the filter and the shortlist need; None to search exactly."""
        share = eligible.count / len(self)
        if share < UNFILTERED_SHARE:
            sufficient = [part.nprobe for part in self.manifest.filtered if part.share <= share]
            if not sufficient:
                return None
            tuned = max(tuned, sufficient[0])
        for_shortlist = math.ceil(shortlist * self.manifest.lists / eligible.count)
        return min(self.manifest.lists, max(tuned, for_shortlist))

    def _search_lists(
        self, queries: Vectors, k: int, eligible: RowFilter, nprobe: int, shortlist: int
    ) -> ScoredRows:
        fetch = min(k + OVERFETCH, shortlist)
        lists = min(nprobe, self.manifest.lists)
        parameters = eligible.ivf_parameters(lists, shortlist / fetch, rotated=self._is_rotated)
        is_batch = len(queries) > ONE_BY_ONE_MAX_QUERIES
        index = self._batch_index if is_batch else self._one_by_one_index
        scores, rows = index.search(queries, fetch, params=parameters)
        return self._complete(
            rerank_ties(self.store, queries, scores, rows, k), queries, k, eligible
        )

    def _complete(
        self, found: ScoredRows, queries: Vectors, k: int, eligible: RowFilter
    ) -> ScoredRows:
        """Search those queries exactly for which the scanned lists held too few eligible rows."""
        short = np.flatnonzero(found.rows[:, k - 1] < 0)
        if not short.size:
            return found
        return found.replace(short, self.search_exactly(queries[short], k, eligible))


def _open_on_gpu(
    gpu: GpuSettings,
    folder: Path,
    store: RowStore,
    manifest: SegmentManifest,
    lists: faiss.Index | None,
) -> GpuIndex | None:
    # Imports torch, which takes seconds, and few readers have a GPU.
    from search.vectors.faiss.gpu.placement import choose_gpu_index

    return choose_gpu_index(gpu, folder, store, manifest, lists)
