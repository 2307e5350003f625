"""Rows scanned whole on a GPU; where there is none, torch's processor stands in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from search.types import Modality
from search.vectors.faiss.gpu import rows as scanning
from search.vectors.faiss.gpu.rows import GpuScan
from search.vectors.row_filter import RowSet
from tests.search.vectors.places import DEVICE, ON_GPU, FaissPlace
from tests.search.vectors.twin import catalogue, clustered, stream

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
    monkeypatch.setattr(scanning, "CHUNK_BYTES", chunk_bytes)
    monkeypatch.setattr(scanning, "QUERIES_AT_ONCE", 3)
    queries, k = clustered(7, seed=5), min(40, rows.count)
    scores, found = GpuScan(torch.tensor(halves, device=DEVICE), rows).search(queries, k)
    assert rows.mask[found].all()
    assert all(len(set(line)) == k for line in found.tolist())
    everything = queries @ halves.astype(np.float32).T
    everything[:, ~rows.mask] = -np.inf
    wanted = -np.sort(-everything, axis=1)[:, :k]
    np.testing.assert_allclose(scores, wanted, atol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(everything, found, 1), scores, atol=1e-5)


def test_a_filter_is_answered_on_the_gpu_too(tmp_path: Path) -> None:
    place = FaissPlace(tmp_path, "ivf_pq", gpu=ON_GPU["exact"])
    place.builder().build(stream(catalogue(600)), seq=1)
    segment = place.reader()._snapshot.segments[Modality.PICTURE]
    few = RowSet(len(segment), listed=np.arange(0, 1_200, 40, dtype=np.int64))
    block = segment.on_gpu.search(clustered(3, seed=5), 10, few, Modality.TEXT)
    assert set(block.rows.ravel().tolist()) <= set(few.numbers.tolist())
