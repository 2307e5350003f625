"""Builders resume a killed one, and reuse trained lists until the views drift."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest

from search.types import Modality, ViewBatch
from search.vectors.faiss.builder import FaissIndexBuilder
from search.vectors.faiss.checkpoints import STAGED, trained_name
from search.vectors.faiss.generations import FaissGenerations
from search.vectors.faiss.reader import FaissIndexReader
from search.vectors.index_types import (
    LARGE_SEGMENT_VIEWS,
    IndexTypeSettings,
    choose_index_types,
    choose_list_count,
)
from tests.search.vectors.reference import batch, catalogue, clustered, make_space, stream, unit
from tests.support.paths import ROOT

SPACE = make_space()
PICTURE = Modality.PICTURE
LISTS = IndexTypeSettings(exact_up_to=0)
PRODUCTS = 2_000

BUILD = f"""
import sys
from pathlib import Path
from search.vectors.faiss.builder import FaissIndexBuilder
from search.vectors.index_types import IndexTypeSettings
from tests.search.vectors.reference import catalogue, make_space, stream
from tests.support.paths import ROOT
index_types = IndexTypeSettings(exact_up_to=0)
print("ready", flush=True)
builder = FaissIndexBuilder(Path(sys.argv[1]), make_space(), index_types=index_types)
builder.build(stream(catalogue({PRODUCTS})), seq=5)
"""


def building(root: Path) -> Path:
    return root / SPACE.fingerprint / "building"


def kill_when(root: Path, name: str) -> None:
    """Start a builder and kill it as soon as it has written this checkpoint."""
    process = subprocess.Popen(
        [sys.executable, "-c", BUILD, str(root)], cwd=ROOT, stdout=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while not (building(root) / name).exists():
        assert process.poll() is None and time.monotonic() < deadline
    with process:
        process.kill()


def unread() -> Iterator[ViewBatch]:
    yield pytest.fail("the rows were complete already")


def build(root: Path, batches: Iterator[ViewBatch], seq: int = 9) -> int:
    manifest = FaissIndexBuilder(root, SPACE, index_types=LISTS).build(batches, seq)
    assert FaissGenerations(root, SPACE).verify() == manifest
    folder = root / SPACE.fingerprint / "generations" / str(manifest.number)
    assert {path.name for path in folder.iterdir()} == {
        *("manifest.json", "manifest.sha256"),
        *(entry.name for segment in manifest.segments for entry in segment.files),
    }
    return manifest.seq


def test_complete_rows_are_not_read_again(tmp_path: Path) -> None:
    kill_when(tmp_path, STAGED)
    assert build(tmp_path, unread()) == 5, "it holds the changes up to the killed builder's seq"
    assert FaissIndexReader(tmp_path, SPACE).count() == 2 * PRODUCTS


def test_trained_lists_are_not_trained_again(tmp_path: Path) -> None:
    name = trained_name(PICTURE, choose_index_types(2 * PRODUCTS, SPACE.dim, LISTS)[0].factory)
    kill_when(tmp_path, f"{name}.checkpoint")
    trained = centres(building(tmp_path) / f"{name}.trained")
    build(tmp_path, unread())
    published = tmp_path / SPACE.fingerprint / "generations" / "1" / "picture_index.faiss"
    np.testing.assert_array_equal(centres(published), trained)


def centres(path: Path) -> np.ndarray:
    index: Any = faiss.read_index(str(path))
    return np.asarray(index.quantizer.reconstruct_n(0, index.nlist))


def test_damaged_rows_are_read_again(tmp_path: Path) -> None:
    kill_when(tmp_path, STAGED)
    path = building(tmp_path) / "picture_vectors.f16.npy"
    body = bytearray(path.read_bytes())
    body[-3] ^= 1
    path.write_bytes(body)
    assert build(tmp_path, stream(catalogue(30)), seq=9) == 9
    assert FaissIndexReader(tmp_path, SPACE).count() == 60


def test_builders_killed_at_random_moments_publish_in_the_end(tmp_path: Path) -> None:
    moments = random.Random(3)
    for _ in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", BUILD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(moments.uniform(0.0, 0.4))
        with process:
            process.kill()
        assert FaissIndexReader(tmp_path, SPACE).status().fault is None
    build(tmp_path, stream(catalogue(PRODUCTS)))
    assert FaissIndexReader(tmp_path, SPACE).count() == 2 * PRODUCTS


def test_lists_are_reused_until_the_views_drift(tmp_path: Path) -> None:
    builder = FaissIndexBuilder(tmp_path, SPACE, index_types=LISTS)
    views = catalogue(PRODUCTS)
    first = builder.build(stream(views), 1).segments[0]
    second = builder.build(stream(views), 2).segments[0]
    assert (first.trained_in, second.trained_in) == (1, 1)
    assert second.drift < 0.01

    centre = unit(np.ones((1, 16)))
    elsewhere = unit(clustered(2 * PRODUCTS, seed=2) * 0.3 + centre)[:, ::-1].copy()
    moved = builder.build([batch(PICTURE, 1, range(2 * PRODUCTS), unit(-elsewhere))], 3).segments[0]
    assert moved.trained_in == 3


def test_lists_are_reused_for_a_catalogue_that_has_grown(tmp_path: Path) -> None:
    builder = FaissIndexBuilder(tmp_path, SPACE, index_types=LISTS)
    builder.build(stream(catalogue(PRODUCTS)), 1)
    grown = PRODUCTS + PRODUCTS // 50
    assert builder.build(stream(catalogue(grown)), 2).segments[0].trained_in == 1
    doubled = builder.build(stream(catalogue(2 * PRODUCTS)), 3).segments[0]
    assert doubled.trained_in == 3 and doubled.lists > choose_list_count(2 * grown)


@pytest.mark.parametrize("views", [1_000, 20_001, 40_000, 200_000, 999_999, 5_000_000])
def test_the_number_of_lists_rarely_changes_with_size(views: int) -> None:
    numbers = {choose_list_count(views + views * percent // 100) for percent in range(40)}
    assert len(numbers) <= 3
    assert choose_list_count(views) <= 4 * views**0.5 or views > LARGE_SEGMENT_VIEWS


def test_damaged_lists_of_the_live_generation_are_not_reused(tmp_path: Path) -> None:
    builder = FaissIndexBuilder(tmp_path, SPACE, index_types=LISTS)
    builder.build(stream(catalogue(PRODUCTS)), 1)
    path = tmp_path / SPACE.fingerprint / "generations" / "1" / "picture_index.faiss"
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    assert builder.build(stream(catalogue(PRODUCTS)), 2).segments[0].trained_in == 2


def test_codes_stay_in_the_file_when_memory_is_short(tmp_path: Path) -> None:
    views = 10_000
    index_types = IndexTypeSettings(exact_up_to=0, memory_bytes=1_000)
    vectors = clustered(views)
    segment = FaissIndexBuilder(tmp_path, SPACE, index_types=index_types).build(
        [batch(PICTURE, 1, range(views), vectors)], 1
    )
    assert (segment.segments[0].index_type, segment.segments[0].factory) == (
        "ivf_mapped",
        "IVF256,PQ4x8",
    )
    assert segment.segments[0].recall >= 0.965
