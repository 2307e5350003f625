"""Which index type a segment gets on a GPU, and what happens when none fits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from search.config import EngineSettings, GpuIndexType
from search.errors import ConfigError, CorruptGeneration
from search.types import Modality
from search.vectors.backends import open_index
from search.vectors.calibration import (
    CalibrationQueries,
    measure_recall,
    read_queries,
    write_queries,
)
from search.vectors.faiss.builder import FaissIndexBuilder
from search.vectors.faiss.gpu import cuvs, placement
from search.vectors.faiss.gpu.contract import GpuIndex, GpuSettings
from search.vectors.faiss.reader import FaissIndexReader
from search.vectors.index_types import IndexTypeSettings
from search.vectors.manifest import SegmentManifest
from search.vectors.scoring import ScoredRows
from search.vectors.store import RowStore
from tests.search.vectors.places import DEVICE, ON_GPU, SPACE, FaissPlace
from tests.search.vectors.reference import catalogue, clustered, stream

PICTURE = Modality.PICTURE
LOGGER = "search.vectors.faiss.gpu.placement"


@pytest.fixture
def places(tmp_path: Path) -> Callable[[str], FaissPlace]:
    """Publish a place whose GPU prefers this index type."""

    def publish(kind: str) -> FaissPlace:
        index_type = "ivf_mapped" if kind == "ivf_pq" else "ivf_pq"
        place = FaissPlace(tmp_path / kind, index_type, gpu=ON_GPU[kind])
        place.builder().build(stream(catalogue(600)), seq=1)
        return place

    return publish


def gpu_index_type_of(place: FaissPlace) -> GpuIndexType | None:
    index = place.reader()
    assert len(index.search(clustered(1, seed=5), PICTURE, 10)[0].scores) == 10
    return index.status().segments[0].gpu_index_type


@pytest.mark.parametrize("kind", ON_GPU)
def test_status_says_how_the_gpu_searches(kind: str, places: Callable[[str], FaissPlace]) -> None:
    place = places(kind)
    assert gpu_index_type_of(replace(place, gpu=None)) is None
    assert gpu_index_type_of(place) == kind
    assert place.reader().status().segments[0].recall >= 0.965


def test_auto_searches_exactly_while_the_vectors_fit(
    places: Callable[[str], FaissPlace], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = replace(places("ivf_pq"), gpu=replace(ON_GPU["ivf_pq"], index_type="auto"))
    assert gpu_index_type_of(place) == "exact"
    vectors = 1_200 * 16 * 2
    monkeypatch.setattr(cuvs, "has_room", lambda device, wanted: wanted < vectors)
    assert gpu_index_type_of(place) == "ivf_pq"


@pytest.mark.parametrize("kind", ON_GPU)
def test_the_processor_searches_what_does_not_fit_on_the_gpu(
    kind: str,
    places: Callable[[str], FaissPlace],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = places(kind)
    monkeypatch.setattr(cuvs, "has_room", lambda device, wanted: False)
    with caplog.at_level(logging.WARNING, LOGGER):
        assert gpu_index_type_of(place) is None
    assert "no room" in caplog.text and "stay with the processor" in caplog.text


def test_the_processor_searches_when_the_gpu_fails_to_load(
    places: Callable[[str], FaissPlace],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*given: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    place = places("cagra")
    monkeypatch.setattr(placement, "GpuRows", full)
    monkeypatch.setattr(placement, "GpuGraph", full)
    with caplog.at_level(logging.WARNING, LOGGER):
        assert gpu_index_type_of(place) is None
    assert caplog.text.count("CUDA out of memory") == 2


@pytest.mark.parametrize("kind", ON_GPU)
def test_the_processor_answers_when_the_gpu_fails_in_a_search(
    kind: str,
    places: Callable[[str], FaissPlace],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def failing(*given: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    index = places(kind).reader()
    monkeypatch.setattr(type(index._snapshot.segments[PICTURE].gpu_index), "search", failing)
    (found,) = index.search(clustered(1, seed=5), PICTURE, 10)
    assert len(found.scores) == 10
    assert "illegal memory access" in caplog.text


def test_a_graph_with_a_low_recall_is_not_used(
    places: Callable[[str], FaissPlace],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """cuVS has been reported to return wrong rows without an error."""
    place = places("cagra")
    right = cuvs.build_graph
    monkeypatch.setattr(
        "search.vectors.faiss.gpu.approximate.build_graph",
        lambda device, vectors: right(device, -vectors),
    )
    with caplog.at_level(logging.WARNING, LOGGER):
        assert gpu_index_type_of(place) == "exact"
    assert "recall is 0.000 there" in caplog.text


def test_a_segment_without_codes_for_a_gpu_is_searched_exactly(
    places: Callable[[str], FaissPlace], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, LOGGER):
        assert gpu_index_type_of(replace(places("cagra"), gpu=ON_GPU["ivf_pq"])) == "exact"
    assert "OMNISHELF_INDEX_GPU_SHAPE=ivf_pq" in caplog.text


@pytest.mark.parametrize("kind", ON_GPU)
def test_few_vectors_are_searched_exactly_whatever_is_preferred(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = FaissPlace(tmp_path, "exact")
    place.builder().build(stream(catalogue(20)), seq=1)
    with caplog.at_level(logging.WARNING, LOGGER):
        assert gpu_index_type_of(replace(place, gpu=ON_GPU[kind])) == "exact"
    assert not caplog.text


def test_a_generation_without_calibration_queries_is_searched_exactly(
    places: Callable[[str], FaissPlace],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = places("cagra")
    choose_gpu_index = placement.choose_gpu_index

    def older(
        gpu: GpuSettings, folder: Path, store: RowStore, manifest: SegmentManifest, lists: Any
    ) -> GpuIndex | None:
        files = tuple(entry for entry in manifest.files if "questions" not in entry.name)
        return choose_gpu_index(
            gpu, folder, store, manifest.model_copy(update={"files": files}), lists
        )

    monkeypatch.setattr(placement, "choose_gpu_index", older)
    with caplog.at_level(logging.WARNING, LOGGER):
        assert gpu_index_type_of(place) == "exact"
    assert "build it again" in caplog.text


def test_a_swap_moves_the_new_generation_to_the_gpu(tmp_path: Path) -> None:
    index = FaissIndexReader(tmp_path, SPACE, gpu=GpuSettings(DEVICE))
    FaissIndexBuilder(tmp_path, SPACE, index_types=IndexTypeSettings()).build(
        stream(catalogue(20)), 1
    )
    assert index.swap_if_published() is not None
    assert [part.gpu_index_type for part in index.status().segments] == ["exact"]


def test_calibration_queries_are_stored_with_their_answers(tmp_path: Path) -> None:
    asked = {
        kind: CalibrationQueries(clustered(9, seed=row), np.arange(9, dtype=np.float32))
        for row, kind in enumerate(Modality)
    }
    write_queries(tmp_path / "questions.npy", asked)
    kept = read_queries(tmp_path / "questions.npy", 16)
    assert set(kept) == set(Modality)
    for kind, questions in asked.items():
        np.testing.assert_array_equal(kept[kind].vectors, questions.validation_half.vectors)
        np.testing.assert_array_equal(kept[kind].kth_scores, [1, 3, 5, 7])
    with pytest.raises(CorruptGeneration, match="17 components"):
        read_queries(tmp_path / "questions.npy", 17)
    (tmp_path / "questions.npy").write_bytes(b"nothing")
    with pytest.raises(CorruptGeneration, match="cannot be opened"):
        read_queries(tmp_path / "questions.npy", 16)


def test_recall_counts_views_that_score_at_least_the_kth() -> None:
    queries = CalibrationQueries(clustered(2, seed=1), np.array([0.5, 0.9], np.float32))
    found = ScoredRows(
        np.array([[0.9, 0.5, 0.4, 0.1], [0.9, 0.9, 0.9, 0.9]], np.float32),
        np.zeros((2, 4), np.int64),
    )
    assert measure_recall(found, queries) == 0.75


@pytest.mark.skipif(torch.cuda.is_available(), reason="tests machines without a GPU")
def test_a_missing_gpu_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="GPU") as refused:
        open_index(EngineSettings(var_dir=tmp_path, index_device="cuda"), SPACE)
    assert "OMNISHELF_INDEX_DEVICE" in str(refused.value.fix)


@pytest.mark.skipif(cuvs.is_supported("cuda"), reason="tests a FAISS without cuVS")
@pytest.mark.parametrize("shape", ["ivf_pq", "cagra"])
def test_an_index_type_that_this_faiss_lacks_is_refused(
    shape: GpuIndexType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(ConfigError, match="cuVS") as refused:
        open_index(
            EngineSettings(var_dir=tmp_path, index_device="cuda", index_gpu_shape=shape), SPACE
        )
    assert "requirements-gpu.txt" in str(refused.value.fix)
