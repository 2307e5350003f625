from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search.types import Modality
from tools.bench.index.data import (
    BLOCK,
    HELD_OUT,
    TUNING,
    Dataset,
    K,
    Spec,
    exact_search,
    generate,
    recall,
)
from tools.bench.index.engines.raw_faiss import ScalarQuantised


def test_same_spec_gives_the_same_files(dataset: Dataset, tmp_path: Path) -> None:
    again = generate(tmp_path, dataset.spec)
    other = generate(
        tmp_path / "other", Spec(dataset.spec.rows, dataset.spec.dim, dataset.spec.queries, seed=5)
    )
    assert np.array_equal(again.stored, dataset.stored)
    assert np.array_equal(
        again.queries(Modality.TEXT, HELD_OUT), dataset.queries(Modality.TEXT, HELD_OUT)
    )
    assert not np.array_equal(other.stored, dataset.stored)


def test_vectors_are_unit_and_halves_differ(dataset: Dataset) -> None:
    assert dataset.stored.shape == (dataset.spec.rows, dataset.spec.dim)
    assert np.linalg.norm(dataset.stored.astype(np.float32), axis=1) == pytest.approx(1, abs=2e-3)
    tuned, held = (dataset.queries(Modality.TEXT, query_set) for query_set in (TUNING, HELD_OUT))
    assert not (tuned @ held.T > 0.9999).any()


def test_answers_are_the_largest_products(dataset: Dataset) -> None:
    queries = dataset.queries(Modality.PICTURE, HELD_OUT)
    products = queries @ dataset.stored.astype(np.float32).T
    assert np.array_equal(
        dataset.answers(Modality.PICTURE, HELD_OUT), np.argsort(-products, axis=1)[:, :K]
    )


def test_answers_join_blocks_and_mark_what_is_missing(dataset: Dataset) -> None:
    queries = dataset.queries(Modality.TEXT, HELD_OUT)
    vectors = dataset.stored.astype(np.float32)
    parts = ((start, vectors[start : start + 700]) for start in range(0, len(vectors), 700))
    assert len(vectors) < BLOCK and np.array_equal(
        exact_search(parts, queries), dataset.answers(Modality.TEXT, HELD_OUT)
    )
    few = exact_search(iter([(0, vectors[:3])]), queries)
    assert (few[:, 3:] == -1).all() and (np.sort(few[:, :3]) == [0, 1, 2]).all()


def test_texts_are_harder_to_answer_at_equal_settings(tmp_path: Path) -> None:
    dataset = generate(tmp_path / "data", Spec(rows=20_000, dim=64, queries=200))
    engine = ScalarQuantised(tmp_path, dataset)
    engine.build()
    engine.open()
    engine.apply({"nprobe": 16})
    found = {
        kind: recall(
            engine.rows(engine.search(dataset.queries(kind, HELD_OUT), K, kind), K),
            dataset.answers(kind, HELD_OUT),
        )
        for kind in (Modality.TEXT, Modality.PICTURE)
    }
    assert found[Modality.TEXT] < found[Modality.PICTURE] - 0.02
    assert found[Modality.PICTURE] > 0.9


def test_recall_counts_only_answers_there_are() -> None:
    answers = np.array([[1, 2], [3, -1]])
    assert recall(np.array([[2, 9], [-1, -1]]), answers) == pytest.approx(1 / 3)
    assert recall(answers, answers) == 1
