"""Several queries of one call answered side by side.

FAISS's own threads divide only what FAISS does. Here each thread takes queries through
everything, so that what Python does for some of them (ordering, ids) can run while FAISS or a
matrix product, which hold no lock, work for others. Each thread takes one piece: FAISS answers
many queries at once faster than the same in several calls.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from search.types import Vectors

Answer = TypeVar("Answer")

LEAST_EACH = 64
"""Fewer queries than this are not worth handing to another thread."""


class Lanes:
    """`count` threads, started by the first call that has enough queries for two: after any
    fork.
    """

    def __init__(self, count: int) -> None:
        self._count = count

    @functools.cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._count, thread_name_prefix="search")

    def answer(self, queries: Vectors, work: Callable[[Vectors], list[Answer]]) -> list[Answer]:
        """What `work` gives for queries (q, dim), one answer for each, in their order."""
        pieces = min(self._count, len(queries) // LEAST_EACH)
        if pieces < 2:
            return work(queries)
        each = -(-len(queries) // pieces)
        parts = [queries[start : start + each] for start in range(0, len(queries), each)]
        return [answer for part in self._pool.map(work, parts) for answer in part]
