"""Several queries of one call answered side by side.

FAISS's own threads divide only what FAISS does. Here each thread takes queries through everything, so that what Python
does for some of them (ordering, the delta, ids) runs while FAISS, which holds no lock, searches for others.
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

PIECES_A_LANE = 2
"""A call is cut finer than there are threads, so that FAISS and Python take turns; in equal parts all would
need Python at the same moment."""


class Lanes:
    """`count` threads, started by the first call that has enough queries for two: after any fork."""

    def __init__(self, count: int) -> None:
        self._count = count

    @functools.cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._count, thread_name_prefix="search")

    def answer(self, queries: Vectors, work: Callable[[Vectors], list[Answer]]) -> list[Answer]:
        """What `work` gives for queries (q, dim), one answer for each, in their order."""
        pieces = min(self._count * PIECES_A_LANE, len(queries) // LEAST_EACH)
        if self._count == 1 or pieces < 2:
            return work(queries)
        each = -(-len(queries) // pieces)
        parts = [queries[start : start + each] for start in range(0, len(queries), each)]
        return [answer for part in self._pool.map(work, parts) for answer in part]
