"""Calls of the FAISS library that need care: threads, files, and four-bit scans."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import faiss

from search.errors import CorruptGeneration
from search.files import open_durable

MAX_TABLE_BYTES = 1 << 28
"""Largest table that FAISS may compute for a quantiser while it reads a file."""

ONE_BY_ONE_MAX_QUERIES = 16
"""Up to this many queries of one call are faster one after another; more are faster all at once."""

_SCAN_QUERY_BY_QUERY = 11
"""FAISS's number (`implem`) for scanning query by query into a reservoir; 0 is its own choice. It
belongs to the index, not to a call, hence two indexes."""

_read_lock = threading.Lock()


@contextlib.contextmanager
def use_threads(threads: int) -> Iterator[None]:
    """Set the OpenMP threads of FAISS calls that this thread makes inside the block."""
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
    """Open a FAISS file memory-mapped.

    Raises CorruptGeneration where it does not hold `rows` inner-product vectors of `dim`.
    """
    with _read_lock:
        # A forged length must not exhaust memory. No array of a valid file is larger than the file
        # itself, but tables that FAISS computes while reading are held to the same limit.
        faiss.set_deserialization_vector_byte_limit(max(path.stat().st_size, MAX_TABLE_BYTES))
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        except RuntimeError as error:
            raise CorruptGeneration(f"{path} cannot be opened: {error}") from error
    if (index.ntotal, index.d, index.metric_type) != (rows, dim, faiss.METRIC_INNER_PRODUCT):
        raise CorruptGeneration(
            f"{path} does not hold {rows} × {dim}", value=(index.ntotal, index.d)
        )
    return index


def write_index(index: faiss.Index, path: Path) -> None:
    """Write an index durably. Raises OSError when the disk is full.

    FAISS's own writer misses a disk that is full when the file is closed.
    """
    with open_durable(path) as file:
        faiss.write_index(index, cast(Any, faiss).PyCallbackIOWriter(file.write))


def make_one_by_one(index: faiss.Index) -> faiss.Index:
    """Return a second index over the same lists that answers query by query.

    `index` must outlive it. Returns `index` itself where it has no four-bit lists.
    """
    if isinstance(index, faiss.IndexPreTransform):
        rotation = cast(Any, index).chain.at(0)
        return faiss.IndexPreTransform(rotation, make_one_by_one(faiss.downcast_index(index.index)))
    if not isinstance(index, faiss.IndexIVFPQFastScan):
        return index
    code = index.pq
    twin = faiss.IndexIVFPQFastScan(
        index.quantizer, index.d, index.nlist, code.M, code.nbits, index.metric_type, index.bbs
    )
    twin.pq = code
    twin.by_residual = index.by_residual
    twin.replace_invlists(cast(Any, index).invlists, False)
    twin.ntotal, twin.is_trained = index.ntotal, True
    twin.implem = _SCAN_QUERY_BY_QUERY
    return twin
