"""Raw findings of an index that knows no filters, made an answer."""

from __future__ import annotations

import numpy as np
import pytest

from search.types import Modality
from search.vectors.faiss.gpu.cuvs import MOST_FETCHED
from search.vectors.faiss.gpu.postprocess import eligible, rescored, to_fetch
from search.vectors.row_filter import RowSet
from search.vectors.scoring import SPARE, exact_scores
from search.vectors.store import RowStore
from tests.search.vectors.places import DEVICE, FaissPlace
from tests.search.vectors.twin import catalogue, clustered, stream

ROWS = 1_200
GRAPH_FOUND_NOTHING, LISTS_FOUND_NOTHING = 2**32 - 1, 2**63 - 1
"""Numbers that cuVS gives where there are no more rows."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RowStore:
    place = FaissPlace(tmp_path_factory.mktemp("store"), "exact")
    place.builder().build(stream(catalogue(ROWS // 2)), seq=1)
    return place.reader()._snapshot.segments[Modality.PICTURE].store


def test_neither_repeated_nor_unknown_nor_ineligible_rows_are_answers(store: RowStore) -> None:
    query = clustered(1, seed=5)
    found = np.array([[7, 3, 7, GRAPH_FOUND_NOTHING, -1, LISTS_FOUND_NOTHING, 5, 9]])
    rows = RowSet(ROWS).without(np.array([3]))
    block = eligible(store, query, rescored(DEVICE, store, query, found), found, rows, 5)
    left = [7, 5, 9]
    assert block.rows[0, 3:].tolist() == [-1, -1]
    assert block.rows[0, :3].tolist() == sorted(
        left, key=lambda row: -float(store.vectors(np.array([row]))[0] @ query[0])
    )
    np.testing.assert_allclose(
        block.scores[0, :3], np.sort(store.vectors(np.array(left)) @ query[0])[::-1], atol=1e-6
    )


def test_a_shortlist_is_scored_by_its_fp16_rows(store: RowStore) -> None:
    queries = clustered(130, seed=5)
    found = np.random.default_rng(3).integers(0, ROWS, (130, 40))
    scores = rescored(DEVICE, store, queries, found)
    np.testing.assert_allclose(scores, exact_scores(store, queries, found).scores, atol=1e-6)


@pytest.mark.parametrize(
    ("k", "left_out", "fetched"),
    [
        (10, 0, 10 + SPARE),
        (10, 100, 20),
        (10, 200, None),
        (MOST_FETCHED, 0, None),
        (MOST_FETCHED - SPARE, 0, MOST_FETCHED),
    ],
    ids=["all", "a few hidden", "a filter", "too many", "as many as can be"],
)
def test_what_is_fetched_makes_up_for_what_is_hidden(
    k: int, left_out: int, fetched: int | None
) -> None:
    assert to_fetch(k, RowSet(ROWS).without(np.arange(left_out))) == fetched
