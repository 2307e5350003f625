"""Searches over an approximate index in Milvus, on every path that completes a short answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from search.errors import Unavailable
from search.types import Ids, Modality, ProductViews
from search.vectors.layout import Layout
from search.vectors.milvus import collection, filters, segment
from search.vectors.milvus.builder import MilvusIndexBuilder
from search.vectors.milvus.connection import Connection
from search.vectors.milvus.reader import MilvusIndexReader
from tests.search.vectors.milvus.conftest import Build
from tests.search.vectors.places import SPACE, stop_lite
from tests.search.vectors.reference import (
    ReferenceIndex,
    assert_same,
    batch,
    catalogue,
    clustered,
    stream,
)

PICTURE, TEXT = Modality.PICTURE, Modality.TEXT
Reader = Callable[[], MilvusIndexReader]
PRODUCTS = 300
QUERIES = clustered(3, seed=5)


def make_reference(products: int) -> ReferenceIndex:
    """Each product has two pictures and a text."""
    texts = clustered(products, seed=8)
    return ReferenceIndex(
        {
            product: (
                *pictures,
                batch(TEXT, product, [50_000 + product], texts[product : product + 1]),
            )
            for product, pictures in catalogue(products).items()
        }
    )


@pytest.fixture
def reference() -> ReferenceIndex:
    return make_reference(PRODUCTS)


@pytest.fixture(scope="module")
def published(connection: Connection, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tenant with a published generation; tests change only their reader's delta."""
    lock = Layout(tmp_path_factory.mktemp("lock"))
    MilvusIndexBuilder(connection, lock, SPACE, tenant="search").build(
        stream(make_reference(PRODUCTS).views), seq=1
    )
    return "search"


@pytest.fixture
def index(connection: Connection, published: str) -> MilvusIndexReader:
    return MilvusIndexReader(connection, SPACE, tenant=published)


def compare(
    index: MilvusIndexReader,
    reference: ReferenceIndex,
    k: int,
    allowed: Ids | None = None,
    least: float = 1.0,
) -> None:
    right = total = 0
    for query in QUERIES:
        (found,) = index.search(query, PICTURE, k, allowed)
        wanted = reference.search(query, PICTURE, k, allowed)
        assert len(found.scores) == len(wanted.scores)
        right += int(np.count_nonzero(found.scores >= wanted.scores[-1] - 1e-6))
        total += len(wanted.scores)
        if least == 1.0:
            assert_same(found, wanted)
    assert right >= least * total


def test_inverted_lists_are_tuned_for_each_modality_of_query(
    builder: Build, reader: Reader
) -> None:
    reference = make_reference(30)
    manifest = builder("IVF_FLAT").build(stream(reference.views), seq=1)
    for part in manifest.segments:
        assert set(part.tuned) == {PICTURE, TEXT}
        assert all(setting.recall >= 0.97 and setting.curve for setting in part.tuned.values())
    index = reader()
    status = {part.modality: part for part in index.status().segments}
    assert (status[PICTURE].index_type, status[PICTURE].views, status[TEXT].views) == (
        "milvus",
        60,
        30,
    )
    compare(index, reference, 10, least=0.9)
    compare(index, reference, 10, np.arange(0, 30, 2), least=0.9)
    compare(index, reference, 59)


@pytest.fixture(params=["expressions", "dropping", "scanning"])
def small_limits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Lower the limits so that a small catalogue takes each way of filtering."""
    monkeypatch.setattr(segment, "MAX_FETCHED_PRODUCTS", 5)
    if request.param != "expressions":
        monkeypatch.setattr(filters, "MAX_LISTED_IDS", 40)
    if request.param == "scanning":
        monkeypatch.setattr(collection.MilvusCollection, "max_limit", property(lambda self: 30))
        monkeypatch.setattr(segment, "SCAN_BATCH_SIZE", 25)
    return str(request.param)


def test_filters_and_hidden_products_leave_no_gap(
    small_limits: str, index: MilvusIndexReader, reference: ReferenceIndex
) -> None:
    hidden = [ProductViews(product, 2 + product) for product in range(0, PRODUCTS, 2)]
    moved = [ProductViews(1, 900, (batch(PICTURE, 1, [9_001, 9_002], clustered(2, seed=3)),))]
    for applied in (hidden, moved):
        index.refresh(applied, 1_000)
        reference.refresh(applied)
    assert index.count(PICTURE) == len(reference.rows(PICTURE))
    assert index.count(TEXT) == len(reference.rows(TEXT)) == PRODUCTS // 2 - 1
    for allowed in (None, np.arange(200), np.arange(3, 30), np.array([1, 2, 3])):
        for k in (1, 60):
            compare(index, reference, k, allowed)


def test_every_modality_of_a_product(index: MilvusIndexReader, reference: ReferenceIndex) -> None:
    wanted = np.array([3, 7, 11])
    found = index.score_products(QUERIES[0], wanted)
    assert [part.modality for part in found] == [TEXT, PICTURE]
    for part in found:
        assert_same(part, reference.search(QUERIES[0], part.modality, None, wanted))
    assert [part.modality for part in index.get_views(7)] == [TEXT, PICTURE]
    assert len(index.background(TEXT)) == 256


def test_full_answers_are_queried_again_in_halves(
    index: MilvusIndexReader, reference: ReferenceIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection.MilvusCollection, "max_limit", property(lambda self: 7))
    wanted = np.arange(50)
    pictures = index.score_products(QUERIES[0], wanted)[1]
    assert_same(pictures, reference.search(QUERIES[0], PICTURE, None, wanted))


def test_a_server_that_stopped_is_a_temporary_error(tmp_path: Path) -> None:
    opened = Connection(str(tmp_path / "gone.db"))
    stop_lite(Connection(str(tmp_path / "gone.db")))
    with pytest.raises(Unavailable) as stopped:
        opened("list_collections", seconds=0.3)
    assert not stopped.value.permanent
    opened.close()
