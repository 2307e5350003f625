"""Results of cuVS: filtered, re-scored and ordered."""

from __future__ import annotations

import numpy as np
import pytest

from search.types import Modality
from search.vectors.faiss.gpu.cuvs import MAX_FETCHED
from search.vectors.faiss.gpu.postprocess import count_to_fetch, rescore, select_eligible
from search.vectors.row_filter import RowFilter
from search.vectors.scoring import OVERFETCH, score_exactly
from search.vectors.store import RowStore
from tests.search.vectors.places import DEVICE, FaissPlace
from tests.search.vectors.reference import catalogue, clustered, stream

ROWS = 1_200
GRAPH_FOUND_NOTHING, LISTS_FOUND_NOTHING = 2**32 - 1, 2**63 - 1
"""Row numbers that cuVS returns where it found no more rows."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RowStore:
    place = FaissPlace(tmp_path_factory.mktemp("store"), "exact")
    place.builder().build(stream(catalogue(ROWS // 2)), seq=1)
    return place.reader()._snapshot.segments[Modality.PICTURE].store


def test_repeated_unknown_and_ineligible_rows_are_dropped(store: RowStore) -> None:
    query = clustered(1, seed=5)
    found = np.array([[7, 3, 7, GRAPH_FOUND_NOTHING, -1, LISTS_FOUND_NOTHING, 5, 9]])
    rows = RowFilter(ROWS).exclude(np.array([3]))
    block = select_eligible(store, query, rescore(DEVICE, store, query, found), found, rows, 5)
    left = [7, 5, 9]
    assert block.rows[0, 3:].tolist() == [-1, -1]
    assert block.rows[0, :3].tolist() == sorted(
        left, key=lambda row: -float(store.vectors(np.array([row]))[0] @ query[0])
    )
    np.testing.assert_allclose(
        block.scores[0, :3], np.sort(store.vectors(np.array(left)) @ query[0])[::-1], atol=1e-6
    )


def test_a_shortlist_is_scored_with_its_fp16_rows(store: RowStore) -> None:
    queries = clustered(130, seed=5)
    found = np.random.default_rng(3).integers(0, ROWS, (130, 40))
    scores = rescore(DEVICE, store, queries, found)
    np.testing.assert_allclose(scores, score_exactly(store, queries, found).scores, atol=1e-6)


@pytest.mark.parametrize(
    ("k", "left_out", "fetched"),
    [
        (10, 0, 10 + OVERFETCH),
        (10, 100, 20),
        (10, 200, None),
        (MAX_FETCHED, 0, None),
        (MAX_FETCHED - OVERFETCH, 0, MAX_FETCHED),
    ],
    ids=["all", "a few hidden", "a filter", "too many", "the most possible"],
)
def test_more_rows_are_fetched_where_some_are_hidden(
    k: int, left_out: int, fetched: int | None
) -> None:
    assert count_to_fetch(k, RowFilter(ROWS).exclude(np.arange(left_out))) == fetched
