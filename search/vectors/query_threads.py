"""Threads that share the queries of one call.

FAISS's own threads divide only what FAISS does. Here each thread takes its queries through the
whole search, so that Python code for some of them (ordering, ids) runs while FAISS or a matrix
product, which release the interpreter's lock, work for others. Each thread gets one piece: FAISS
answers many queries at once faster than the same queries in several calls.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from search.types import Vectors

Answer = TypeVar("Answer")

MIN_QUERIES_PER_THREAD = 64


class QueryThreadPool:
    """A pool of `count` threads.

    They start with the first call that has enough queries for two: after any fork.
    """

    def __init__(self, count: int) -> None:
        self._count = count

    @functools.cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._count, thread_name_prefix="search")

    def map(self, queries: Vectors, work: Callable[[Vectors], list[Answer]]) -> list[Answer]:
        """Return what `work` returns for queries (q, dim): one answer for each, in their order."""
        pieces = min(self._count, len(queries) // MIN_QUERIES_PER_THREAD)
        if pieces < 2:
            return work(queries)
        size = -(-len(queries) // pieces)
        parts = [queries[start : start + size] for start in range(0, len(queries), size)]
        return [answer for part in self._pool.map(work, parts) for answer in part]
