"""A segment opened for search: coarse search in FAISS, final scores from the row store."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np

from search.errors import CorruptGeneration
from search.types import Ids, Vectors
from search.vectors.manifest import SegmentManifest
from search.vectors.rows import RowSet
from search.vectors.scoring import NOTHING, TIE_MARGIN, Found, exact_scan, rescore
from search.vectors.store import INDEX, RowStore, segment_file

SUBSET_SHARE = 0.02
"""Below this share of eligible rows a filtered inverted-list search loses recall, and scanning them is as fast."""

SPARE = 32
"""Rows fetched beyond k, so that ties around the k-th place can be ordered by view id."""

COMPUTED_TABLE_BYTES = 1 << 28

_reading = threading.Lock()


@contextlib.contextmanager
def faiss_threads(threads: int) -> Iterator[None]:
    """OpenMP threads of FAISS calls made inside, by this thread alone."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def read_index(path: Path, rows: int, dim: int) -> faiss.Index:
    """Open a FAISS file memory-mapped. Raises CorruptGeneration where it does not hold `rows` inner-product vectors."""
    with _reading:
        # A forged length must not exhaust memory. No array of an honest file is larger than the file itself, but the
        # tables that FAISS computes for a quantiser while reading are held to the same limit.
        faiss.set_deserialization_vector_byte_limit(max(path.stat().st_size, COMPUTED_TABLE_BYTES))
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise CorruptGeneration(f"{path} cannot be opened: {error}") from error
    if (index.ntotal, index.d, index.metric_type) != (rows, dim, faiss.METRIC_INNER_PRODUCT):
        raise CorruptGeneration(f"{path} does not hold {rows} × {dim}", value=(index.ntotal, index.d))
    return index


class Segment:
    """Views of one modality. Safe to search from many threads: nothing is changed after opening."""

    def __init__(self, folder: Path, manifest: SegmentManifest, dim: int) -> None:
        """Open the files, which must have been checked. Raises CorruptGeneration where they contradict the manifest."""
        self.manifest = manifest
        self.store = RowStore(folder, manifest.modality, manifest.views, dim)
        self.everything = RowSet(manifest.views)
        self._index = read_index(segment_file(folder, manifest.modality, INDEX), manifest.views, dim)

    def __len__(self) -> int:
        return self.manifest.views

    def search(
        self, queries: Vectors, k: int, rows: RowSet, nprobe: int | None = None, refine: int | None = None
    ) -> list[Found]:
        """One Found per query (q, dim) with min(k, rows) entries, best first.

        `nprobe` lists are scanned and `refine` × k views re-scored; the manifest's values when None.
        """
        if not rows.count:
            return [NOTHING] * len(queries)
        k = min(k, rows.count)
        if not rows.is_all and rows.count <= SUBSET_SHARE * len(self):
            return exact_scan(self.store, queries, k, rows.numbers)
        with faiss_threads(1):  # one query uses one core: a parallel region costs more, and hangs children after a fork
            if self.manifest.shape == "exact":
                return [self._search_exactly(queries[at : at + 1], k, rows) for at in range(len(queries))]
            fetched = max(k * (refine or self.manifest.refine), SPARE)
            return self._search_coarsely(queries, k, rows, nprobe or self._lists_for(fetched, rows), fetched)

    def _search_exactly(self, query: Vectors, k: int, rows: RowSet) -> Found:
        parameters = rows.parameters()
        fetched = min(k + SPARE, rows.count)
        while True:
            scores, found = self._index.search(query, fetched, params=parameters)
            if fetched == rows.count or scores[0, k - 1] - scores[0, -1] > TIE_MARGIN:
                return rescore(self.store, query[0], found[0], k)
            fetched = min(4 * fetched, rows.count)

    def _lists_for(self, fetched: int, rows: RowSet) -> int:
        """As many lists as hold, on average, the eligible rows that the tuned number holds, and `fetched` of them."""
        tuned = self.manifest.nprobe * len(self) / rows.count
        return min(self.manifest.lists, math.ceil(max(tuned, fetched * self.manifest.lists / rows.count)))

    def _search_coarsely(self, queries: Vectors, k: int, rows: RowSet, nprobe: int, fetched: int) -> list[Found]:
        if 2 * fetched >= rows.count:
            return exact_scan(self.store, queries, k, _listed(rows))
        parameters = rows.parameters(nprobe)
        _, shortlists = self._index.search(queries, fetched, params=parameters)
        return [self._refine(query, line[line >= 0], k, rows) for query, line in zip(queries, shortlists, strict=True)]

    def _refine(self, query: Vectors, shortlist: Ids, k: int, rows: RowSet) -> Found:
        if len(shortlist) < k:  # the lists that were probed hold too few eligible rows
            return exact_scan(self.store, query[np.newaxis], k, _listed(rows))[0]
        return rescore(self.store, query, shortlist, k)


def _listed(rows: RowSet) -> Ids | None:
    return None if rows.is_all else rows.numbers
