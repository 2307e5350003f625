"""Lists and graphs on a GPU in details that the contract does not show.

Without a GPU, FAISS's processor indexes replace them.
"""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
import pytest

from search.types import Modality, Vectors
from search.vectors.faiss.gpu.cuvs import graph_bytes, is_ivf_pq, list_bytes
from search.vectors.faiss.segment import FaissSegment
from search.vectors.index_types import choose_index_types
from search.vectors.row_filter import RowFilter
from search.vectors.scoring import ScoredRows
from tests.search.vectors.places import FOR_GPU, ON_GPU, FaissPlace
from tests.search.vectors.reference import catalogue, clustered, stream

PICTURE = Modality.PICTURE
QUERIES = clustered(40, seed=5)


@pytest.fixture(scope="module", params=["ivf_pq", "cagra"])
def segment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> FaissSegment:
    index_type = "ivf_mapped" if request.param == "ivf_pq" else "ivf_pq"
    place = FaissPlace(
        tmp_path_factory.mktemp(request.param), index_type, gpu=ON_GPU[request.param]
    )
    place.builder().build(stream(catalogue(1_500)), seq=1)
    opened = place.reader()._snapshot.segments[PICTURE]
    assert opened.gpu_index is not None and opened.gpu_index.index_type == request.param
    return opened


def search_gpu(
    segment: FaissSegment,
    queries: Vectors,
    k: int,
    eligible: RowFilter,
    query_modality: Modality | None = PICTURE,
) -> ScoredRows | None:
    """Search on the GPU alone."""
    assert segment.gpu_index is not None
    return segment.gpu_index.search(queries, k, eligible, query_modality)


def test_found_rows_are_nearly_those_of_an_exact_search(segment: FaissSegment) -> None:
    found = search_gpu(segment, QUERIES, 10, segment.all_rows)
    truth = segment.search_exactly(QUERIES, 10, segment.all_rows)
    assert found is not None
    assert np.mean(found.scores >= truth.scores[:, -1:] - 1e-6) >= 0.95
    assert segment.recall >= 0.965


def test_more_rows_are_fetched_in_place_of_hidden_ones(segment: FaissSegment) -> None:
    best = segment.search_exactly(QUERIES[:1], 3, segment.all_rows).rows[0]
    rows = segment.all_rows.exclude(np.sort(best))
    found = segment.search(QUERIES[:1], 10, rows, PICTURE)
    assert not set(best.tolist()) & set(found.rows[0].tolist())
    assert (found.rows >= 0).all()


def test_queries_whose_rows_are_all_hidden_are_searched_exactly(segment: FaissSegment) -> None:
    best = segment.search_exactly(QUERIES[:1], 200, segment.all_rows).rows[0]
    rows = segment.all_rows.exclude(np.sort(best))
    incomplete = search_gpu(segment, QUERIES[:1], 10, rows)
    assert incomplete is not None and (incomplete.rows < 0).any()
    np.testing.assert_array_equal(
        segment.search(QUERIES[:1], 10, rows, PICTURE).rows,
        segment.search_exactly(QUERIES[:1], 10, rows).rows,
    )


def test_the_processor_answers_filtered_searches(segment: FaissSegment) -> None:
    rows = RowFilter(len(segment), mask=np.arange(len(segment)) % 2 == 0)
    assert search_gpu(segment, QUERIES, 10, rows) is None
    assert (segment.search(QUERIES, 10, rows, PICTURE).rows % 2 == 0).all()


def test_queries_of_any_modality_are_answered(segment: FaissSegment) -> None:
    for query_modality in (None, *Modality):
        found = search_gpu(segment, QUERIES[:2], 100, segment.all_rows, query_modality)
        assert found is not None and found.rows.shape == (2, 100)


@pytest.mark.parametrize(("views", "bits"), [(1_200, 4), (12_000, 8)])
def test_codes_for_a_gpu_are_supported_by_cuvs(views: int, bits: int) -> None:
    plan = choose_index_types(views, 64, FOR_GPU)[0]
    assert plan.factory.endswith(f"x{bits}")
    lists: Any = faiss.index_factory(64, plan.factory, faiss.METRIC_INNER_PRODUCT)
    assert is_ivf_pq(lists)
    lists.ntotal = views
    assert list_bytes(lists) > views * (lists.code_size + 8)


@pytest.mark.parametrize(
    "factory", ["IVF16,PQ8x4fs", "OPQ8,IVF16,PQ8x4fs", "IVF16,SQ8", "IVF16,PQ3x4"]
)
def test_codes_that_cuvs_does_not_support_are_recognised(factory: str) -> None:
    dim = 15 if factory.endswith("PQ3x4") else 16
    assert not is_ivf_pq(faiss.index_factory(dim, factory, faiss.METRIC_INNER_PRODUCT))


def test_a_graph_needs_more_room_than_float32_vectors() -> None:
    assert graph_bytes(1_000, 512) > 1_000 * 4 * 512
