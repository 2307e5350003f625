"""The query pipeline over a real index: completion, standardising, missing modalities, stable
order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from search.errors import QueryError
from search.ranking.engine import rank
from search.ranking.fusion import SHARES
from search.ranking.normalise import LEAST_SPREAD, Scale
from search.ranking.probe import Probe
from search.types import Modality, ProductViews, Space, Vectors, ViewBatch
from search.vectors.faiss.reader import FaissIndexReader

DIM = 64
SPACE = Space("test", "f00d", DIM, frozenset({Modality.TEXT, Modality.PICTURE}))


def unit(*vectors: np.ndarray) -> Vectors:
    stacked = np.stack(vectors).astype(np.float32)
    return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)


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


def probe(index: FaissIndexReader, product: int, modality: Modality = Modality.TEXT) -> Probe:
    batch = next(batch for batch in index.get_views(product) if batch.modality is modality)
    return Probe(batch.vectors[0], modality)


def test_a_products_own_text_finds_it_first_with_evidence_of_both_modalities(
    index: FaissIndexReader,
) -> None:
    best = rank(index, [probe(index, 17)], window=10).hits[0]
    assert best.product_id == 17
    assert {view.modality for view in best.evidence} == {Modality.TEXT, Modality.PICTURE}
    shares = {view.modality: SHARES[Modality.TEXT, view.modality] for view in best.evidence}
    assert best.score == pytest.approx(
        sum(shares[view.modality] * view.standardised for view in best.evidence), abs=1e-5
    )


def test_standardising_undoes_the_modality_gap(index: FaissIndexReader) -> None:
    """Raw cosines of texts lie far above those of pictures; standardised, both centre on zero."""
    hits = rank(index, [probe(index, 3)], window=60).hits
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
    question = probe(index, 20)
    text_only = next(batch for batch in index.get_views(20) if batch.modality is Modality.TEXT)
    index.refresh([ProductViews(20, 61, (text_only,))], 61)
    hit = rank(index, [question], window=5).hits[0]
    assert (hit.product_id, len(hit.evidence)) == (20, 1)


def test_the_window_is_filled_although_products_have_many_views(index: FaissIndexReader) -> None:
    rng = np.random.default_rng(1)
    crowd = views(
        Modality.PICTURE,
        99,
        *(probe(index, 1, Modality.PICTURE).vector + rng.normal(size=(300, DIM)) / 20),
        first_view=5000,
    )
    index.refresh([ProductViews(99, 62, (crowd,))], 62)
    ranking = rank(index, [probe(index, 1, Modality.PICTURE)], window=40)
    assert len(ranking.hits) == 40
    assert ranking.window_full


def test_filters_and_exclusions_hold(index: FaissIndexReader) -> None:
    allowed = np.array([2, 4, 6, 8], np.int64)
    hits = rank(index, [probe(index, 4)], window=10, allowed=allowed, without=frozenset({4})).hits
    assert {hit.product_id for hit in hits} == {2, 6, 8}


def test_a_smaller_window_is_a_prefix_of_a_larger_one(index: FaissIndexReader) -> None:
    question = [probe(index, 9), probe(index, 30, Modality.PICTURE)]
    long = [hit.product_id for hit in rank(index, question, window=60).hits]
    assert len(long) == 60
    assert [
        hit.product_id for hit in rank(index, question, window=60, allowed=np.arange(1, 61)).hits
    ] == long


def test_nothing_asked_is_refused(index: FaissIndexReader) -> None:
    with pytest.raises(QueryError):
        rank(index, [], window=5)
    with pytest.raises(QueryError):
        rank(index, [probe(index, 1)], window=0)


def test_a_background_of_equals_does_not_blow_up_scores() -> None:
    query = unit(np.eye(DIM)[0])[0]
    scale = Scale.of(query, np.repeat(unit(np.eye(DIM)[1]), 5, axis=0))
    assert scale.spread == LEAST_SPREAD
    assert np.isfinite(scale.apply(np.ones(3, np.float32))).all()


def test_an_empty_index_has_no_hits(tmp_path: Path) -> None:
    empty = FaissIndexReader(tmp_path, SPACE)
    assert rank(empty, [Probe(unit(np.eye(DIM)[0])[0], Modality.TEXT)], window=5).hits == ()
