from __future__ import annotations

import contextlib
import importlib.metadata
from pathlib import Path

import numpy as np
import pytest

from search.types import Modality
from tools.bench.index.data import HELD_OUT, Dataset, K, recall
from tools.bench.index.engines.base import EngineUnavailable
from tools.bench.index.engines.ours import Ours, product_ids
from tools.bench.index.engines.registry import ENGINES

SLOW = pytest.mark.slow
MIN_RECALL = {"LanceDB": 0.9}
"""Recall of its coarsest codes at this tiny size; everyone else reaches 0.95."""


def installed() -> list[str]:
    """Peers are installed by the benchmark's own command alone, and a GPU is not everywhere."""
    found = []
    for key, engine in ENGINES.items():
        with contextlib.suppress(importlib.metadata.PackageNotFoundError, EngineUnavailable):
            engine.version()
            found.append(key)
    return found


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(key, marks=SLOW) if ENGINES[key].slow or key == "txtai" else key
        for key in installed()
    ],
)
def test_an_engine_reaches_its_recall(key: str, dataset: Dataset, tmp_path: Path) -> None:
    engine = ENGINES[key](tmp_path, dataset)
    assert engine.version()
    engine.build()
    engine.open()
    try:
        engine.apply(engine.ladders()[-1][-1])
        for threads in (2, 1):
            engine.use_threads(threads)
        for kind in (Modality.TEXT, Modality.PICTURE):
            rows = engine.rows(engine.search(dataset.queries(kind, HELD_OUT), K, kind), K)
            assert rows.shape == (dataset.spec.queries, K) and rows.dtype == np.int64
            assert recall(rows, dataset.answers(kind, HELD_OUT)) >= MIN_RECALL.get(
                engine.name, 0.95
            )
        one = engine.rows(
            engine.search(dataset.queries(Modality.TEXT, HELD_OUT)[:1], K, Modality.TEXT), K
        )
        assert one.shape == (1, K)
        assert engine.about()
    finally:
        engine.close()


def test_our_engine_uses_the_delta_and_excludes_removed_views(
    dataset: Dataset, tmp_path: Path
) -> None:
    engine = Ours(tmp_path, dataset)
    engine.build()
    engine.open()
    changed, removed = engine.changed_rows, engine.removed_rows
    assert 100 < len(changed) == len(removed)
    status = engine._index.status()
    superseded = {part.modality: part.superseded for part in status.segments}
    assert status.delta_views == len(changed) and superseded[Modality.PICTURE] == 2 * len(changed)
    assert engine._index.count(Modality.PICTURE) == dataset.spec.rows
    for rows in (changed, removed):
        queries = dataset.stored[rows].astype(np.float32)
        queries /= np.linalg.norm(queries, axis=1, keepdims=True)
        found = engine.rows(engine.search(queries, K, Modality.PICTURE), K)
        assert np.array_equal(found[:, 0], rows)
        assert found.max() < dataset.spec.rows


def test_ours_searches_among_products(dataset: Dataset, tmp_path: Path) -> None:
    engine = Ours(tmp_path, dataset)
    engine.build()
    engine.open()
    products = product_ids(np.array([0, 7, 1499]))
    answer = engine.search_filtered(
        dataset.queries(Modality.TEXT, HELD_OUT)[:2], K, Modality.TEXT, products
    )
    assert np.array_equal(np.sort(engine.rows(answer, K)[:, :6]), [[0, 1, 14, 15, 2998, 2999]] * 2)
    assert (engine.rows(answer, K)[:, 6:] == -1).all()
