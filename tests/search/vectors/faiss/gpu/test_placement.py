"""Which shape a segment gets on a GPU, and what happens where it gets none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from search.config import EngineSettings, GpuIndexType
from search.errors import ConfigError, CorruptGeneration
from search.types import Modality
from search.vectors.backends import open_index
from search.vectors.calibration import Questions, read_questions, recall, write_questions
from search.vectors.faiss.builder import FaissIndexBuilder
from search.vectors.faiss.gpu import cuvs, placement
from search.vectors.faiss.gpu.contract import Gpu
from search.vectors.faiss.reader import FaissIndexReader
from search.vectors.index_types import IndexTypeSettings
from search.vectors.manifest import SegmentManifest
from search.vectors.scoring import Block
from tests.search.vectors.places import DEVICE, ON_GPU, SPACE, FaissPlace
from tests.search.vectors.twin import catalogue, clustered, stream

PICTURE = Modality.PICTURE
LOGGER = "search.vectors.faiss.gpu.placement"


@pytest.fixture
def places(tmp_path: Path) -> Callable[[str], FaissPlace]:
    """A published place by what its GPU is to be searched as."""

    def published(kind: str) -> FaissPlace:
        shape = "ivf_mapped" if kind == "ivf_pq" else "ivf_pq"
        place = FaissPlace(tmp_path / kind, shape, gpu=ON_GPU[kind])
        place.builder().build(stream(catalogue(600)), seq=1)
        return place

    return published


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


def test_auto_scans_while_there_is_room_for_the_vectors(
    places: Callable[[str], FaissPlace], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = replace(places("ivf_pq"), gpu=replace(ON_GPU["ivf_pq"], shape="auto"))
    assert gpu_index_type_of(place) == "exact"
    vectors = 1_200 * 16 * 2
    monkeypatch.setattr(cuvs, "has_room", lambda device, wanted: wanted < vectors)
    assert gpu_index_type_of(place) == "ivf_pq"


@pytest.mark.parametrize("kind", ON_GPU)
def test_what_the_gpu_has_no_room_for_stays_with_the_processor(
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


def test_a_gpu_that_fails_leaves_the_processor(
    places: Callable[[str], FaissPlace],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*given: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    place = places("cagra")
    monkeypatch.setattr(placement, "RowsOnGpu", full)
    monkeypatch.setattr(placement, "GraphOnGpu", full)
    with caplog.at_level(logging.WARNING, LOGGER):
        assert gpu_index_type_of(place) is None
    assert caplog.text.count("CUDA out of memory") == 2


@pytest.mark.parametrize("kind", ON_GPU)
def test_a_gpu_that_fails_in_a_search_leaves_it_to_the_processor(
    kind: str,
    places: Callable[[str], FaissPlace],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def failing(*given: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    index = places(kind).reader()
    monkeypatch.setattr(type(index._snapshot.segments[PICTURE].on_gpu), "search", failing)
    (found,) = index.search(clustered(1, seed=5), PICTURE, 10)
    assert len(found.scores) == 10
    assert "illegal memory access" in caplog.text


def test_a_graph_that_finds_too_little_does_not_serve(
    places: Callable[[str], FaissPlace],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Faults of cuVS have been reported that answer with nothing that is right, and without an
    error."""
    place = places("cagra")
    right = cuvs.graph_on
    monkeypatch.setattr(
        "search.vectors.faiss.gpu.graph.graph_on", lambda device, vectors: right(device, -vectors)
    )
    with caplog.at_level(logging.WARNING, LOGGER):
        assert gpu_index_type_of(place) == "exact"
    assert "recall is 0.000 there" in caplog.text


def test_lists_without_codes_for_a_gpu_are_scanned(
    places: Callable[[str], FaissPlace], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, LOGGER):
        assert gpu_index_type_of(replace(places("cagra"), gpu=ON_GPU["ivf_pq"])) == "exact"
    assert "OMNISHELF_INDEX_GPU_SHAPE=ivf_pq" in caplog.text


@pytest.mark.parametrize("kind", ON_GPU)
def test_few_vectors_are_scanned_whatever_is_preferred(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = FaissPlace(tmp_path, "exact")
    place.builder().build(stream(catalogue(20)), seq=1)
    with caplog.at_level(logging.WARNING, LOGGER):
        assert gpu_index_type_of(replace(place, gpu=ON_GPU[kind])) == "exact"
    assert not caplog.text


def test_a_generation_without_questions_is_scanned(
    places: Callable[[str], FaissPlace],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = places("cagra")
    placed = placement.placed

    def older(
        gpu: Gpu, folder: Path, store: object, manifest: SegmentManifest, lists: object
    ) -> object:
        files = tuple(entry for entry in manifest.files if "questions" not in entry.name)
        return placed(gpu, folder, store, manifest.model_copy(update={"files": files}), lists)

    monkeypatch.setattr(placement, "placed", older)
    with caplog.at_level(logging.WARNING, LOGGER):
        assert gpu_index_type_of(place) == "exact"
    assert "build it again" in caplog.text


def test_a_swap_takes_the_new_generation_to_the_gpu(tmp_path: Path) -> None:
    index = FaissIndexReader(tmp_path, SPACE, gpu=Gpu(DEVICE))
    FaissIndexBuilder(tmp_path, SPACE, index_types=IndexTypeSettings()).build(
        stream(catalogue(20)), 1
    )
    assert index.swap_if_published() is not None
    assert [part.gpu_index_type for part in index.status().segments] == ["exact"]


def test_questions_are_kept_with_their_answers(tmp_path: Path) -> None:
    asked = {
        kind: Questions(clustered(9, seed=row), np.arange(9, dtype=np.float32))
        for row, kind in enumerate(Modality)
    }
    write_questions(tmp_path / "questions.npy", asked)
    kept = read_questions(tmp_path / "questions.npy", 16)
    assert set(kept) == set(Modality)
    for kind, questions in asked.items():
        np.testing.assert_array_equal(kept[kind].vectors, questions.judging.vectors)
        np.testing.assert_array_equal(kept[kind].least, [1, 3, 5, 7])
    with pytest.raises(CorruptGeneration, match="17 components"):
        read_questions(tmp_path / "questions.npy", 17)
    (tmp_path / "questions.npy").write_bytes(b"nothing")
    with pytest.raises(CorruptGeneration, match="cannot be opened"):
        read_questions(tmp_path / "questions.npy", 16)


def test_recall_counts_views_that_score_as_well_as_the_last_that_is_wanted() -> None:
    asked = Questions(clustered(2, seed=1), np.array([0.5, 0.9], np.float32))
    found = Block(
        np.array([[0.9, 0.5, 0.4, 0.1], [0.9, 0.9, 0.9, 0.9]], np.float32),
        np.zeros((2, 4), np.int64),
    )
    assert recall(found, asked) == 0.75


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without a GPU")
def test_a_gpu_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="GPU") as refused:
        open_index(EngineSettings(var_dir=tmp_path, index_device="cuda"), SPACE)
    assert "OMNISHELF_INDEX_DEVICE" in str(refused.value.fix)


@pytest.mark.skipif(cuvs.is_supported("cuda"), reason="is about a FAISS without cuVS")
@pytest.mark.parametrize("shape", ["ivf_pq", "cagra"])
def test_a_shape_that_this_faiss_does_not_know_is_refused(
    shape: GpuIndexType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(ConfigError, match="cuVS") as refused:
        open_index(
            EngineSettings(var_dir=tmp_path, index_device="cuda", index_gpu_shape=shape), SPACE
        )
    assert "requirements-gpu.txt" in str(refused.value.fix)
