"""Damaged files are found and named when a generation is opened; an older one is used."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from search.errors import CorruptGeneration
from search.types import Modality, ProductViews
from search.vectors.faiss.builder import FaissIndexBuilder
from search.vectors.faiss.generations import FaissGenerations
from search.vectors.faiss.reader import FaissIndexReader
from search.vectors.index_types import IndexTypeSettings
from tests.search.vectors.reference import catalogue, clustered, make_space, stream

SPACE = make_space()
FILES = [
    "manifest.json",
    "manifest.sha256",
    "picture_view_ids.npy",
    "picture_product_ids.npy",
    "picture_vectors.f16.npy",
    "picture_background.npy",
    "picture_index.faiss",
    "picture_questions.npy",
]


@pytest.fixture(scope="module")
def two_generations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("two")
    FaissIndexBuilder(root, SPACE).build(stream(catalogue(20)), 1)
    FaissIndexBuilder(root, SPACE, index_types=IndexTypeSettings(exact_up_to=0)).build(
        stream(catalogue(400)), 2
    )
    return root


@pytest.fixture
def root(two_generations: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(two_generations, tmp_path / "index"))


def folder(root: Path, number: int = 2) -> Path:
    return root / SPACE.fingerprint / "generations" / str(number)


def test_every_file_is_listed(root: Path) -> None:
    assert {path.name for path in folder(root).iterdir()} == set(FILES)


def flip(path: Path, at: float) -> None:
    body = bytearray(path.read_bytes())
    body[int(at * (len(body) - 1))] ^= 0x10
    path.write_bytes(body)


@pytest.mark.parametrize("at", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_found(root: Path, name: str, at: float) -> None:
    flip(folder(root) / name, at)
    expected = "manifest" if name.startswith("manifest") else name
    with pytest.raises(CorruptGeneration, match=expected):
        FaissGenerations(root, SPACE).verify(2)
    assert expected in str(FaissIndexReader(root, SPACE).status().fault)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_found(root: Path, name: str) -> None:
    path = folder(root) / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(
        CorruptGeneration, match="manifest" if name.startswith("manifest") else name
    ):
        FaissGenerations(root, SPACE).verify(2)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_found(root: Path, name: str) -> None:
    (folder(root) / name).unlink()
    with pytest.raises(CorruptGeneration, match=name):
        FaissGenerations(root, SPACE).verify(2)


def test_a_huge_manifest_is_not_read(root: Path) -> None:
    (folder(root) / "manifest.json").write_bytes(b" " * (2 << 20))
    with pytest.raises(CorruptGeneration, match="larger"):
        FaissGenerations(root, SPACE).verify(2)


@pytest.mark.parametrize("at", [0.0, 0.02, 0.5, 1.0])
def test_a_damaged_pointer_is_found(root: Path, at: float) -> None:
    flip(root / SPACE.fingerprint / "CURRENT", at)
    with pytest.raises(CorruptGeneration, match=r"CURRENT|manifest"):
        FaissGenerations(root, SPACE).get_live()
    assert FaissIndexReader(root, SPACE).status().fault is not None
    assert not any(info.live for info in FaissGenerations(root, SPACE).list_all())


def test_a_build_replaces_a_damaged_pointer(root: Path) -> None:
    (root / SPACE.fingerprint / "CURRENT").write_text("nonsense")
    manifest = FaissIndexBuilder(root, SPACE).build(stream(catalogue(5)), 9)
    assert (manifest.number, manifest.previous) == (3, 2)
    assert FaissIndexReader(root, SPACE).status().fault is None


def test_a_reader_opens_the_generation_before_a_damaged_one(root: Path) -> None:
    flip(folder(root) / "picture_vectors.f16.npy", 0.5)
    index = FaissIndexReader(root, SPACE)
    status = index.status()
    assert (status.generation, status.seq, status.views) == (1, 1, 40)
    assert "picture_vectors.f16.npy" in str(status.fault)
    index.refresh([ProductViews(3, 2)], 2)
    assert index.get_views(3) == []


def test_the_delta_is_searched_when_every_generation_is_damaged(root: Path) -> None:
    for number in (1, 2):
        (folder(root, number) / "picture_vectors.f16.npy").unlink()
    index = FaissIndexReader(root, SPACE)
    assert (index.seq, index.count()) == (0, 0)
    batches = catalogue(1)[0]
    assert index.refresh([ProductViews(0, 1, batches)], 2) == 1
    assert index.count() == 2
    assert index.status().fault is not None


def test_a_reader_keeps_its_generation_when_the_next_is_damaged(root: Path) -> None:
    index = FaissIndexReader(root, SPACE)
    query = clustered(1)
    before = index.search(query, Modality.PICTURE, 5)[0]
    FaissIndexBuilder(root, SPACE).build(stream(catalogue(30)), 3)
    damaged = folder(root, 3) / "picture_vectors.f16.npy"
    intact = damaged.read_bytes()
    flip(damaged, 0.3)
    assert index.swap_if_published() is None
    assert (index.status().generation, index.seq) == (2, 2)
    assert "picture_vectors.f16.npy" in str(index.status().fault)
    assert index.search(query, Modality.PICTURE, 5)[0].view_ids.tolist() == before.view_ids.tolist()

    damaged.write_bytes(intact)
    assert index.swap_if_published() is None, "tried again only when the pointer moves"
    FaissIndexBuilder(root, SPACE).build(stream(catalogue(30)), 4)
    assert index.swap_if_published() == 4
    assert index.status().fault is None


def test_rollback_refuses_a_damaged_target(root: Path) -> None:
    flip(folder(root, 1) / "picture_view_ids.npy", 0.5)
    with pytest.raises(CorruptGeneration, match="picture_view_ids"):
        FaissGenerations(root, SPACE).rollback()
    assert FaissGenerations(root, SPACE).get_live().number == 2


def test_listing_names_the_damaged_file(root: Path) -> None:
    flip(folder(root, 1) / "manifest.json", 0.5)
    newest, oldest = FaissGenerations(root, SPACE).list_all()
    assert (newest.number, newest.live, newest.fault) == (2, True, None)
    assert oldest.manifest is None
    assert "manifest.json" in str(oldest.fault)
