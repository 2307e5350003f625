"""Exact search on a GPU; without one, on torch's processor device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from search.types import Modality
from search.vectors.faiss.gpu import rows as scanning
from search.vectors.faiss.gpu.rows import GpuExactSearch
from search.vectors.row_filter import RowFilter
from tests.search.vectors.places import DEVICE, ON_GPU, FaissPlace
from tests.search.vectors.reference import catalogue, clustered, stream

ROWS = 3_000
GENERATOR = np.random.default_rng(7)
SETS = {
    "all": RowFilter(ROWS),
    "most": RowFilter(ROWS, mask=GENERATOR.random(ROWS) < 0.9),
    "some": RowFilter(ROWS, mask=GENERATOR.random(ROWS) < 0.1),
    "listed": RowFilter(ROWS, rows=np.sort(GENERATOR.permutation(ROWS)[:2_000]).astype(np.int64)),
    "one": RowFilter(ROWS, rows=np.array([17], np.int64)),
}


@pytest.fixture(scope="module")
def halves() -> np.ndarray:
    return clustered(ROWS, seed=3).astype(np.float16)


@pytest.mark.parametrize("chunk_bytes", [1 << 28, 4_000])
@pytest.mark.parametrize("rows", SETS.values(), ids=SETS)
def test_an_exact_search_finds_the_best_eligible_rows(
    rows: RowFilter, chunk_bytes: int, halves: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "MAX_CHUNK_BYTES", chunk_bytes)
    monkeypatch.setattr(scanning, "QUERY_BATCH_SIZE", 3)
    queries, k = clustered(7, seed=5), min(40, rows.count)
    scores, found = GpuExactSearch(torch.tensor(halves, device=DEVICE), rows).search(queries, k)
    assert rows.mask[found].all()
    assert all(len(set(line)) == k for line in found.tolist())
    everything = queries @ halves.astype(np.float32).T
    everything[:, ~rows.mask] = -np.inf
    wanted = -np.sort(-everything, axis=1)[:, :k]
    np.testing.assert_allclose(scores, wanted, atol=1e-5)
    np.testing.assert_allclose(np.take_along_axis(everything, found, 1), scores, atol=1e-5)


def test_the_gpu_answers_filtered_searches(tmp_path: Path) -> None:
    place = FaissPlace(tmp_path, "ivf_pq", gpu=ON_GPU["exact"])
    place.builder().build(stream(catalogue(600)), seq=1)
    segment = place.reader()._snapshot.segments[Modality.PICTURE]
    few = RowFilter(len(segment), rows=np.arange(0, 1_200, 40, dtype=np.int64))
    assert segment.gpu_index is not None
    found = segment.gpu_index.search(clustered(3, seed=5), 10, few, Modality.TEXT)
    assert found is not None
    assert set(found.rows.ravel().tolist()) <= set(few.row_numbers.tolist())
