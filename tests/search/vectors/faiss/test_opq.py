"""Four-bit lists behind a learned rotation (OPQ), the index type of larger dimensions."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from search.types import Modality, ViewBatch
from search.vectors.faiss import segment_builder
from search.vectors.faiss.builder import FaissIndexBuilder
from search.vectors.faiss.checkpoints import trained_name
from search.vectors.faiss.library import ONE_BY_ONE_MAX_QUERIES
from search.vectors.faiss.reader import FaissIndexReader
from search.vectors.faiss.segment import FaissSegment
from search.vectors.faiss.training import TrainedIndex, train
from search.vectors.index_types import IndexPlan, IndexTypeSettings, choose_index_types
from search.vectors.row_filter import RowFilter
from search.vectors.store import RowStore
from tests.search.vectors.reference import catalogue, clustered, make_space, stream
from tests.support.paths import ROOT

DIM, PRODUCTS = 64, 2_000
SPACE = make_space(dim=DIM)
INDEX_TYPES = IndexTypeSettings(exact_up_to=0, recall_target=0.8)
QUERIES = clustered(4 * ONE_BY_ONE_MAX_QUERIES, DIM, seed=5)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rotated")
    (built,) = (
        FaissIndexBuilder(folder, SPACE, index_types=INDEX_TYPES)
        .build(stream(catalogue(PRODUCTS, dim=DIM)), 1)
        .segments
    )
    assert (built.factory or "").startswith("OPQ16,IVF") and built.recall >= 0.79
    return folder


@pytest.fixture
def segment(root: Path) -> FaissSegment:
    return FaissIndexReader(root, SPACE)._snapshot.segments[Modality.PICTURE]


def test_one_query_finds_what_it_finds_in_a_batch(segment: FaissSegment) -> None:
    every = segment.all_rows
    together = segment.search(QUERIES, 10, every)
    alone = [segment.search(query[np.newaxis], 10, every) for query in QUERIES]
    assert segment._one_by_one_index is not segment._batch_index
    # Equal sums of codes are cut off in another order, so the last place may differ.
    shared = [
        len(np.intersect1d(one.rows, row)) for one, row in zip(alone, together.rows, strict=True)
    ]
    assert np.mean(shared) / 10 > 0.97
    best = np.concatenate([one.scores[:, 0] for one in alone])
    assert np.mean(np.abs(best - together.scores[:, 0]) < 1e-6) > 0.97


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("many", [True, False])
def test_found_rows_are_eligible_and_nearly_those_of_an_exact_search(
    share: float, many: bool, segment: FaissSegment
) -> None:
    mask = np.random.default_rng(3).random(len(segment)) < share
    rows = RowFilter(len(segment), mask=mask)
    truth = segment.search_exactly(QUERIES, 10, rows)
    asked = [QUERIES] if many else [query[np.newaxis] for query in QUERIES]
    blocks = [segment.search(part, 10, rows) for part in asked]
    found, scores = (
        np.concatenate(part)
        for part in zip(*((one.rows, one.scores) for one in blocks), strict=True)
    )
    assert (found >= 0).all() and mask[found].all()
    assert np.mean(scores >= truth.scores[:, -1:] - 1e-6) >= 0.75


def test_the_next_generation_reuses_rotation_and_lists(root: Path) -> None:
    again = FaissIndexBuilder(root, SPACE, index_types=INDEX_TYPES).build(
        stream(catalogue(PRODUCTS, dim=DIM)), 2
    )
    (segment,) = again.segments
    assert (again.number, segment.trained_in) == (2, 1)
    assert segment.fit == pytest.approx(segment.trained_fit)


def test_codes_that_missed_the_recall_are_not_trained_again(tmp_path: Path) -> None:
    builder = FaissIndexBuilder(
        tmp_path, SPACE, index_types=replace(INDEX_TYPES, recall_target=0.95)
    )
    (first,) = builder.build(stream(catalogue(PRODUCTS, dim=DIM)), 1).segments
    assert "OPQ16" in first.why and not first.factory.startswith("OPQ")
    (second,) = builder.build(stream(catalogue(PRODUCTS, dim=DIM)), 2).segments
    assert (second.factory, second.trained_in) == (first.factory, 1)
    assert "OPQ16" not in second.why


BUILD = f"""
import sys
from pathlib import Path
from search.vectors.faiss.builder import FaissIndexBuilder
from search.vectors.index_types import IndexTypeSettings
from tests.search.vectors.reference import catalogue, make_space, stream
from tests.support.paths import ROOT
index_types = IndexTypeSettings(exact_up_to=0, recall_target=0.95)
FaissIndexBuilder(Path(sys.argv[1]), make_space(dim={DIM}), index_types=index_types).build(
    stream(catalogue({PRODUCTS}, dim={DIM})), 1
)
"""


def test_a_killed_builder_leaves_what_it_trained_for_several_codes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_types = replace(INDEX_TYPES, recall_target=0.95)
    rotated, finer, *_ = choose_index_types(2 * PRODUCTS, DIM, index_types)
    building = tmp_path / SPACE.fingerprint / "building"
    with subprocess.Popen([sys.executable, "-c", BUILD, str(tmp_path)], cwd=ROOT) as process:
        while not (
            building / f"{trained_name(Modality.PICTURE, finer.factory)}.checkpoint"
        ).exists():
            assert process.poll() is None
            time.sleep(0.005)
        process.kill()
    trained: list[str] = []

    def train_and_record(store: RowStore, plan: IndexPlan, number: int) -> TrainedIndex:
        trained.append(plan.factory)
        return train(store, plan, number)

    monkeypatch.setattr(segment_builder, "train", train_and_record)
    (segment,) = (
        FaissIndexBuilder(tmp_path, SPACE, index_types=index_types).build(unread(), 9).segments
    )
    assert rotated.factory in segment.why
    assert rotated.factory not in trained and finer.factory not in trained


def unread() -> Iterator[ViewBatch]:
    yield pytest.fail("the rows were complete already")
