"""A segment opened for search: FAISS finds rows, their final scores come from the row store."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from search.errors import CorruptGeneration
from search.types import Ids, Modality, Vectors
from search.vectors.faiss.brute_force import StoreScan, scanned
from search.vectors.faiss.fastscan import FEW, one_by_one
from search.vectors.faiss.gpu.contract import Gpu, OnGpu
from search.vectors.manifest import RECALL_AT, SegmentManifest
from search.vectors.row_filter import UNFILTERED_SHARE, RowSet
from search.vectors.scoring import SPARE, Block, settled
from search.vectors.store import INDEX, RowStore, segment_file

logger = logging.getLogger(__name__)

COMPUTED_TABLE_BYTES = 1 << 28

_reading = threading.Lock()


@contextlib.contextmanager
def faiss_threads(threads: int) -> Iterator[None]:
    """OpenMP threads of FAISS calls made inside, by this thread alone."""
    before = faiss.omp_get_max_threads()
    if before == threads:
        yield
        return
    faiss.omp_set_num_threads(threads)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def read_index(path: Path, rows: int, dim: int) -> faiss.Index:
    """Open a FAISS file memory-mapped. Raises CorruptGeneration where it does not hold `rows`
    inner-product vectors.
    """
    with _reading:
        # A forged length must not exhaust memory. No array of an honest file is larger than the
        # file itself, but the tables that FAISS computes for a quantiser while reading are held to
        # the same limit.
        faiss.set_deserialization_vector_byte_limit(max(path.stat().st_size, COMPUTED_TABLE_BYTES))
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise CorruptGeneration(f"{path} cannot be opened: {error}") from error
    if (index.ntotal, index.d, index.metric_type) != (rows, dim, faiss.METRIC_INNER_PRODUCT):
        raise CorruptGeneration(
            f"{path} does not hold {rows} × {dim}", value=(index.ntotal, index.d)
        )
    return index


class Segment:
    """Views of one modality. Safe to search from many threads: nothing is changed after opening."""

    def __init__(
        self,
        folder: Path,
        manifest: SegmentManifest,
        dim: int,
        threads: int = 1,
        gpu: Gpu | None = None,
    ) -> None:
        """Open the files, which must have been checked. Raises CorruptGeneration where they
        contradict the manifest.

        `threads` serve a call with several queries; one query uses one core, because a parallel
        region costs more and hangs children after a fork. What `gpu` has room for is searched
        there.
        """
        self.manifest = manifest
        self.store = RowStore(folder, manifest.modality, manifest.views, dim)
        self.everything = RowSet(manifest.views)
        self._threads = threads
        self._lists: faiss.Index | None = None
        if manifest.index_type != "exact":
            self._lists = read_index(
                segment_file(folder, manifest.modality, INDEX), manifest.views, dim
            )
            self._turned = isinstance(self._lists, faiss.IndexPreTransform)
            self._many = faiss.IndexRefine(self._lists, self.store.flat)
            self._few = faiss.IndexRefine(one_by_one(self._lists), self.store.flat)
        self.on_gpu = (
            None if gpu is None else _on_gpu(gpu, folder, self.store, manifest, self._lists)
        )

    def rows_by_list(self) -> list[Ids]:
        """The rows of each inverted list; none where all rows are scanned."""
        if self._lists is None:
            return []
        inverted: Any = faiss.extract_index_ivf(self._lists).invlists
        sizes = [inverted.list_size(number) for number in range(inverted.nlist)]
        return [
            faiss.rev_swig_ptr(inverted.get_ids(number), size).copy()
            for number, size in enumerate(sizes)
            if size
        ]

    def __len__(self) -> int:
        return self.manifest.views

    def search(
        self,
        queries: Vectors,
        k: int,
        rows: RowSet,
        asked: Modality | None = None,
        *,
        nprobe: int | None = None,
        refine: int | None = None,
    ) -> Block:
        """For each query (q, dim) the min(k, rows) best rows, best first.

        `nprobe` lists are scanned, by the processor, and `refine` × k views re-scored; what was
        tuned for queries of modality `asked` when None.
        """
        k = min(k, rows.count)
        if not (k and len(queries)):
            return Block.nothing(len(queries))
        with faiss_threads(self._threads if len(queries) > 1 else 1):
            found = self._asked_of_gpu(queries, k, rows, asked) if nprobe is None else None
            if found is not None:
                return self._completed(found, queries, k, rows)
            if self._lists is None:
                return self.search_exactly(queries, k, rows)
            tuned = self.manifest.tuned_for(asked)
            shortlist = max(max(k, RECALL_AT) * (refine or tuned.refine), k + SPARE)
            lists = nprobe or self._lists_for(tuned.nprobe, shortlist, rows)
            if lists is None or 2 * shortlist >= rows.count:
                return self.search_exactly(queries, k, rows)
            return self._search_lists(queries, k, rows, lists, shortlist)

    def _asked_of_gpu(
        self, queries: Vectors, k: int, rows: RowSet, asked: Modality | None
    ) -> Block | None:
        if self.on_gpu is None:
            return None
        try:
            return self.on_gpu.search(queries, k, rows, asked)
        except RuntimeError as error:  # what FAISS and torch raise for a GPU that fails or is full
            logger.warning("the processor answers for the GPU: %s", error)
            return None

    def search_exactly(self, queries: Vectors, k: int, rows: RowSet) -> Block:
        """The same by scanning all eligible rows."""
        return scanned(
            self.store,
            StoreScan(self.store, rows),
            queries,
            min(k, rows.count),
            min(k + SPARE, rows.count),
        )

    def _lists_for(self, tuned: int, shortlist: int, rows: RowSet) -> int | None:
        """As many lists as the share of eligible rows needs, and as hold the shortlist; None:
        scan them instead.
        """
        share = rows.count / len(self)
        if share < UNFILTERED_SHARE:
            enough = [part.nprobe for part in self.manifest.filtered if part.share <= share]
            if not enough:
                return None
            tuned = max(tuned, enough[0])
        holding = math.ceil(shortlist * self.manifest.lists / rows.count)
        return min(self.manifest.lists, max(tuned, holding))

    def _search_lists(
        self, queries: Vectors, k: int, rows: RowSet, nprobe: int, shortlist: int
    ) -> Block:
        fetched = min(k + SPARE, shortlist)
        lists = min(nprobe, self.manifest.lists)
        parameters = rows.refined_parameters(lists, shortlist / fetched, turned=self._turned)
        refined = self._many if len(queries) > FEW else self._few
        scores, found = refined.search(queries, fetched, params=parameters)
        return self._completed(settled(self.store, queries, scores, found, k), queries, k, rows)

    def _completed(self, block: Block, queries: Vectors, k: int, rows: RowSet) -> Block:
        """With exact answers in place of those that lack rows: what was searched held too few
        eligible ones.
        """
        short = np.flatnonzero(block.rows[:, k - 1] < 0)
        if not short.size:
            return block
        return block.replaced(short, self.search_exactly(queries[short], k, rows))


def _on_gpu(
    gpu: Gpu, folder: Path, store: RowStore, manifest: SegmentManifest, lists: faiss.Index | None
) -> OnGpu | None:
    from search.vectors.faiss.gpu.placement import (
        placed,  # torch takes seconds to import, and not every reader has a GPU
    )

    return placed(gpu, folder, store, manifest, lists)
