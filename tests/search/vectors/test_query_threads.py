"""Queries of one call shared out among threads: the same answers in the same order."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from search.types import Vectors
from search.vectors.faiss.query_threads import LEAST_EACH, Lanes


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("queries", [0, 1, LEAST_EACH, 2 * LEAST_EACH, 1000, 1003])
def test_answers_come_in_the_order_of_queries(count: int, queries: int) -> None:
    asked = np.arange(queries, dtype=np.float32)[:, np.newaxis]

    answers = Lanes(count).answer(asked, lambda some: some[:, 0].tolist())

    assert answers == list(range(queries))


def test_many_queries_are_worked_on_side_by_side() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def work(some: Vectors) -> list[int]:
        meeting.wait()
        return [0] * len(some)

    # Two pieces meet; one thread alone would wait for the other until the barrier breaks.
    assert len(Lanes(2).answer(np.zeros((512, 1), np.float32), work)) == 512


def test_what_one_piece_raises_is_raised() -> None:
    def work(some: Vectors) -> list[int]:
        if some[0, 0] > 100:
            raise ValueError("no answer")
        return [0] * len(some)

    with pytest.raises(ValueError, match="no answer"):
        Lanes(2).answer(np.arange(512, dtype=np.float32)[:, np.newaxis], work)
