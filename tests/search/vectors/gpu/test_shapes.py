"""Lists and graphs on a GPU, below what the contract shows; where there is no GPU, FAISS's
processor stands in."""

from __future__ import annotations

import faiss
import numpy as np
import pytest

from search.types import Modality
from search.vectors.faiss.gpu.cuvs import graph_bytes, is_ivf_pq, list_bytes
from search.vectors.faiss.segment import Segment
from search.vectors.index_types import choose_index_types
from search.vectors.row_filter import RowSet
from tests.search.vectors.places import FOR_GPU, ON_GPU, FaissPlace
from tests.search.vectors.twin import catalogue, clustered, stream

PICTURE = Modality.PICTURE
QUERIES = clustered(40, seed=5)


@pytest.fixture(scope="module", params=["ivf_pq", "cagra"])
def segment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Segment:
    shape = "ivf_mapped" if request.param == "ivf_pq" else "ivf_pq"
    place = FaissPlace(tmp_path_factory.mktemp(request.param), shape, gpu=ON_GPU[request.param])
    place.builder().build(stream(catalogue(1_500)), seq=1)
    opened = place.reader()._snapshot.segments[PICTURE]
    assert opened.on_gpu is not None and opened.on_gpu.shape == request.param
    return opened


def test_what_it_finds_is_nearly_what_an_exact_search_finds(segment: Segment) -> None:
    found = segment.on_gpu.search(QUERIES, 10, segment.everything, PICTURE)
    truth = segment.search_exactly(QUERIES, 10, segment.everything)
    assert np.mean(found.scores >= truth.scores[:, -1:] - 1e-6) >= 0.95
    assert segment.on_gpu.recall >= 0.965


def test_hidden_rows_are_made_up_for(segment: Segment) -> None:
    best = segment.search_exactly(QUERIES[:1], 3, segment.everything).rows[0]
    rows = segment.everything.without(np.sort(best))
    found = segment.search(QUERIES[:1], 10, rows, PICTURE)
    assert not set(best.tolist()) & set(found.rows[0].tolist())
    assert (found.rows >= 0).all()


def test_where_all_that_was_found_is_hidden_the_rest_is_searched_exactly(segment: Segment) -> None:
    best = segment.search_exactly(QUERIES[:1], 200, segment.everything).rows[0]
    rows = segment.everything.without(np.sort(best))
    assert (segment.on_gpu.search(QUERIES[:1], 10, rows, PICTURE).rows < 0).any()
    np.testing.assert_array_equal(
        segment.search(QUERIES[:1], 10, rows, PICTURE).rows,
        segment.search_exactly(QUERIES[:1], 10, rows).rows,
    )


def test_a_filter_is_left_to_the_processor(segment: Segment) -> None:
    rows = RowSet(len(segment), mask=np.arange(len(segment)) % 2 == 0)
    assert segment.on_gpu.search(QUERIES, 10, rows, PICTURE) is None
    assert (segment.search(QUERIES, 10, rows, PICTURE).rows % 2 == 0).all()


def test_queries_of_any_modality_are_answered(segment: Segment) -> None:
    for asked in (None, *Modality):
        assert segment.on_gpu.search(QUERIES[:2], 100, segment.everything, asked).rows.shape == (
            2,
            100,
        )


@pytest.mark.parametrize(("views", "bits"), [(1_200, 4), (12_000, 8)])
def test_codes_for_a_gpu_are_what_cuvs_takes(views: int, bits: int) -> None:
    plan = choose_index_types(views, 64, FOR_GPU)[0]
    assert plan.factory.endswith(f"x{bits}")
    lists = faiss.index_factory(64, plan.factory, faiss.METRIC_INNER_PRODUCT)
    assert is_ivf_pq(lists)
    lists.ntotal = views
    assert list_bytes(lists) > views * (lists.code_size + 8)


@pytest.mark.parametrize(
    "factory", ["IVF16,PQ8x4fs", "OPQ8,IVF16,PQ8x4fs", "IVF16,SQ8", "IVF16,PQ3x4"]
)
def test_codes_that_cuvs_cannot_take_are_known(factory: str) -> None:
    dim = 15 if factory.endswith("PQ3x4") else 16
    assert not is_ivf_pq(faiss.index_factory(dim, factory, faiss.METRIC_INNER_PRODUCT))


def test_a_graph_takes_room_for_vectors_of_four_bytes_a_component_and_more() -> None:
    assert graph_bytes(1_000, 512) > 1_000 * 4 * 512
