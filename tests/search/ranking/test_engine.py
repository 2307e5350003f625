"""The query pipeline over a real index: exact scores, normalisation, missing modalities, order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search.errors import QueryError
from search.ranking.engine import QueryVector, rank
from search.ranking.fusion import MODALITY_WEIGHTS
from search.ranking.normalise import MIN_STD, ScoreNormaliser
from search.types import Modality, ProductViews, Space, Vectors, ViewBatch
from search.vectors.faiss.reader import FaissIndexReader

DIM = 64
SPACE = Space("test", "f00d", DIM, frozenset({Modality.TEXT, Modality.PICTURE}))


def unit(*vectors: np.ndarray) -> Vectors:
    stacked = np.stack(vectors).astype(np.float32)
    rows: Vectors = stacked / np.linalg.norm(stacked, axis=1, keepdims=True)
    return rows


def views(modality: Modality, product: int, *vectors: np.ndarray, first_view: int) -> ViewBatch:
    ids = np.arange(first_view, first_view + len(vectors), dtype=np.int64)
    return ViewBatch(modality, ids, np.full(len(vectors), product, np.int64), unit(*vectors))


@pytest.fixture
def index(tmp_path: Path) -> FaissIndexReader:
    """60 products with a text and two pictures each; text vectors lie near one direction,
    pictures near another."""
    rng = np.random.default_rng(5)
    text_cone, picture_cone = rng.normal(size=(2, DIM)) * 3
    index = FaissIndexReader(tmp_path, SPACE)
    changes = []
    for product in range(1, 61):
        own = rng.normal(size=DIM)
        batches = (
            views(Modality.TEXT, product, text_cone + own, first_view=product * 10),
            views(
                Modality.PICTURE,
                product,
                picture_cone + own,
                picture_cone + rng.normal(size=DIM),
                first_view=product * 10 + 5,
            ),
        )
        changes.append(ProductViews(product, product, batches))
    index.refresh(changes, 60)
    return index


def query_of(
    index: FaissIndexReader, product: int, modality: Modality = Modality.TEXT
) -> QueryVector:
    batch = next(batch for batch in index.get_views(product) if batch.modality is modality)
    return QueryVector(batch.vectors[0], modality)


def test_a_products_own_text_finds_it_first_with_evidence_of_both_modalities(
    index: FaissIndexReader,
) -> None:
    best = rank(index, [query_of(index, 17)], window=10).hits[0]
    assert best.product_id == 17
    assert {view.modality for view in best.evidence} == {Modality.TEXT, Modality.PICTURE}
    weights = {
        view.modality: MODALITY_WEIGHTS[Modality.TEXT, view.modality] for view in best.evidence
    }
    assert best.score == pytest.approx(
        sum(weights[view.modality] * view.standardised for view in best.evidence), abs=1e-5
    )


def test_normalisation_undoes_the_modality_gap(index: FaissIndexReader) -> None:
    """Raw cosines of texts lie far above those of pictures; normalised, both centre on zero."""
    hits = rank(index, [query_of(index, 3)], window=60).hits
    raw = {
        m: [v.score for h in hits for v in h.evidence if v.modality is m] for m in SPACE.modalities
    }
    high = {
        m: [v.standardised for h in hits for v in h.evidence if v.modality is m]
        for m in SPACE.modalities
    }
    assert abs(np.mean(raw[Modality.TEXT]) - np.mean(raw[Modality.PICTURE])) > 0.3
    assert abs(np.mean(high[Modality.TEXT])) < 0.5
    assert abs(np.mean(high[Modality.PICTURE])) < 1.0


def test_a_product_without_pictures_is_found_by_its_words(index: FaissIndexReader) -> None:
    query = query_of(index, 20)
    text_only = next(batch for batch in index.get_views(20) if batch.modality is Modality.TEXT)
    index.refresh([ProductViews(20, 61, (text_only,))], 61)
    hit = rank(index, [query], window=5).hits[0]
    assert (hit.product_id, len(hit.evidence)) == (20, 1)


def test_the_window_is_filled_although_products_have_many_views(index: FaissIndexReader) -> None:
    rng = np.random.default_rng(1)
    crowd = views(
        Modality.PICTURE,
        99,
        *(query_of(index, 1, Modality.PICTURE).vector + rng.normal(size=(300, DIM)) / 20),
        first_view=5000,
    )
    index.refresh([ProductViews(99, 62, (crowd,))], 62)
    ranking = rank(index, [query_of(index, 1, Modality.PICTURE)], window=40)
    assert len(ranking.hits) == 40
    assert ranking.window_full


def test_filters_and_exclusions_hold(index: FaissIndexReader) -> None:
    allowed = np.array([2, 4, 6, 8], np.int64)
    hits = rank(
        index, [query_of(index, 4)], window=10, allowed=allowed, exclude=frozenset({4})
    ).hits
    assert {hit.product_id for hit in hits} == {2, 6, 8}


@pytest.mark.parametrize("window", [1, 10, 30])
def test_a_smaller_window_is_a_prefix_of_a_larger_one(index: FaissIndexReader, window: int) -> None:
    queries = [query_of(index, 9), query_of(index, 30, Modality.PICTURE)]
    everything = rank(index, queries, window=60)
    assert len(everything.hits) == 60
    assert not everything.window_full
    first = rank(index, queries, window=window)
    assert first.hits == everything.hits[:window]
    assert first.window_full


def test_a_filter_that_all_products_pass_changes_nothing(index: FaissIndexReader) -> None:
    queries = [query_of(index, 9), query_of(index, 30, Modality.PICTURE)]
    unfiltered = rank(index, queries, window=60)
    assert rank(index, queries, window=60, allowed=np.arange(1, 61)).hits == unfiltered.hits


def test_a_request_without_queries_or_window_is_rejected(index: FaissIndexReader) -> None:
    with pytest.raises(QueryError):
        rank(index, [], window=5)
    with pytest.raises(QueryError):
        rank(index, [query_of(index, 1)], window=0)


def test_a_background_of_equal_views_does_not_amplify_scores() -> None:
    query = unit(np.eye(DIM)[0])[0]
    normaliser = ScoreNormaliser.fit(query, np.repeat(unit(np.eye(DIM)[1]), 5, axis=0))
    assert normaliser.std == MIN_STD
    assert np.isfinite(normaliser.normalise(np.ones(3, np.float32))).all()


def test_an_empty_index_has_no_hits(tmp_path: Path) -> None:
    empty = FaissIndexReader(tmp_path, SPACE)
    assert rank(empty, [QueryVector(unit(np.eye(DIM)[0])[0], Modality.TEXT)], window=5).hits == ()
