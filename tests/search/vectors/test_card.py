"""Vectors on a card; the contract's tests run on one too. Where there is no GPU, torch's processor stands in."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from search.config import EngineSettings
from search.errors import ConfigError
from search.types import Modality
from search.vectors import GenerationBuilder, ShapeSettings, VectorIndex, card
from search.vectors.backends import open_index
from search.vectors.card import Card
from search.vectors.rows import RowSet
from tests.search.vectors.places import CARD, SPACE, FaissPlace
from tests.search.vectors.twin import catalogue, clustered, stream

PICTURE = Modality.PICTURE
ROWS = 3_000
GENERATOR = np.random.default_rng(7)
SETS = {
    "all": RowSet(ROWS),
    "most": RowSet(ROWS, mask=GENERATOR.random(ROWS) < 0.9),
    "some": RowSet(ROWS, mask=GENERATOR.random(ROWS) < 0.1),
    "listed": RowSet(ROWS, listed=np.sort(GENERATOR.permutation(ROWS)[:2_000]).astype(np.int64)),
    "one": RowSet(ROWS, listed=np.array([17], np.int64)),
}


@pytest.fixture(scope="module")
def halves() -> np.ndarray:
    return clustered(ROWS, seed=3).astype(np.float16)


@pytest.mark.parametrize("chunk_bytes", [1 << 28, 4_000])
@pytest.mark.parametrize("rows", SETS.values(), ids=SETS)
def test_a_scan_finds_the_best_eligible_rows(
    rows: RowSet, chunk_bytes: int, halves: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card, "CHUNK_BYTES", chunk_bytes)
    monkeypatch.setattr(card, "QUERIES_AT_ONCE", 3)
    queries, k = clustered(7, seed=5), min(40, rows.count)
    scores, found = Card(halves, CARD).scan(rows).search(queries, k)
    assert rows.mask[found].all()
    assert all(len(set(line)) == k for line in found.tolist())
    everything = queries @ halves.astype(np.float32).T
    everything[:, ~rows.mask] = -np.inf
    wanted = -np.sort(-everything, axis=1)[:, :k]
    np.testing.assert_allclose(scores, wanted, atol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(everything, found, 1), scores, atol=1e-5)


def test_status_says_what_is_on_the_card(tmp_path: Path) -> None:
    place = FaissPlace(tmp_path, "ivf_pq")
    place.builder().build(stream(catalogue(600)), seq=1)
    assert not any(part.on_gpu for part in place.reader().status().segments)
    on_gpu = replace(place, card=CARD).reader().status().segments
    assert on_gpu and all(part.on_gpu and part.recall == 1 for part in on_gpu)


def test_what_the_card_has_no_room_for_stays_with_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    place = replace(FaissPlace(tmp_path, "ivf_pq"), card=CARD)
    place.builder().build(stream(catalogue(600)), seq=1)
    monkeypatch.setattr(Card, "fits", staticmethod(lambda halves, device: False))
    with caplog.at_level(logging.WARNING, "search.vectors.scan"):
        index = place.reader()
    assert "no room" in caplog.text
    assert not any(part.on_gpu for part in index.status().segments)
    assert len(index.search(clustered(1, seed=5), PICTURE, 10)[0].scores) == 10


def test_a_swap_takes_the_new_generation_to_the_card(tmp_path: Path) -> None:
    index = VectorIndex(tmp_path, SPACE, card=CARD)
    GenerationBuilder(tmp_path, SPACE, shapes=ShapeSettings()).build(stream(catalogue(20)), 1)
    assert index.swap_if_published() is not None
    assert all(part.on_gpu for part in index.status().segments)


@pytest.mark.skipif(torch.cuda.is_available(), reason="is about machines without a GPU")
def test_a_card_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="GPU") as refused:
        open_index(EngineSettings(var_dir=tmp_path, index_device="cuda"), SPACE)
    assert "OMNISHELF_INDEX_DEVICE" in str(refused.value.fix)
