"""Threads that share the queries of one call: the same answers in the same order."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from search.types import Vectors
from search.vectors.query_threads import MIN_QUERIES_PER_THREAD, QueryThreadPool


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(
    "queries", [0, 1, MIN_QUERIES_PER_THREAD, 2 * MIN_QUERIES_PER_THREAD, 1000, 1003]
)
def test_answers_are_in_the_order_of_the_queries(count: int, queries: int) -> None:
    asked = np.arange(queries, dtype=np.float32)[:, np.newaxis]

    answers = QueryThreadPool(count).map(asked, lambda some: some[:, 0].tolist())

    assert answers == list(range(queries))


def test_many_queries_are_answered_in_parallel() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def work(some: Vectors) -> list[int]:
        meeting.wait()
        return [0] * len(some)

    # Two threads meet; a single one would wait until the barrier breaks.
    assert len(QueryThreadPool(2).map(np.zeros((512, 1), np.float32), work)) == 512


def test_an_error_in_one_thread_is_raised() -> None:
    def work(some: Vectors) -> list[int]:
        if some[0, 0] > 100:
            raise ValueError("no answer")
        return [0] * len(some)

    with pytest.raises(ValueError, match="no answer"):
        QueryThreadPool(2).map(np.arange(512, dtype=np.float32)[:, np.newaxis], work)
