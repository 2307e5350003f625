"""Generations in Milvus: published, verified, kept, rolled back and dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from search.errors import (
    BuildInProgress,
    ConfigError,
    CorruptGeneration,
    InvalidVectors,
    NoGeneration,
    QueryError,
)
from search.types import Modality, ProductViews, ViewBatch
from search.vectors.layout import Layout
from search.vectors.milvus.builder import MilvusIndexBuilder
from search.vectors.milvus.connection import Connection
from search.vectors.milvus.generations import MilvusGenerations, delete_space
from search.vectors.milvus.naming import Names
from search.vectors.milvus.reader import MilvusIndexReader
from search.vectors.milvus.schema import collection_schema
from tests.search.vectors.milvus.conftest import Build
from tests.search.vectors.places import SPACE
from tests.search.vectors.reference import batch, catalogue, clustered, stream, unit

PICTURE = Modality.PICTURE
Reader = Callable[[], MilvusIndexReader]


def failing(views: int, error: Exception) -> Iterator[ViewBatch]:
    yield from stream(catalogue(views))
    raise error


def test_generations_are_published_kept_and_rolled_back(
    builder: Build, generations: MilvusGenerations, reader: Reader
) -> None:
    with pytest.raises(NoGeneration):
        generations.get_live()
    index = reader()
    assert (index.seq, index.count(), index.status().generation) == (0, 0, None)
    assert builder(keep=2).build(stream(catalogue(20)), seq=5).previous is None
    assert index.swap_if_published() == 5
    assert index.swap_if_published() is None
    for number, seq in ((2, 6), (3, 7)):
        manifest = builder(keep=2).build(stream(catalogue(20 + number)), seq=seq)
        assert (manifest.number, manifest.previous) == (number, number - 1)
    assert [(info.number, info.live, info.fault) for info in generations.list_all()] == [
        (3, True, None),
        (2, False, None),
    ]
    assert index.swap_if_published() == 7
    assert index.count() == 46

    assert generations.rollback().number == 2
    assert index.swap_if_published() == 6, "changes since the older generation must be reloaded"
    assert index.count() == 44
    assert builder(keep=2).build(stream(catalogue(20)), seq=8).previous == 2, (
        "generation 3 was rolled back"
    )
    assert [info.number for info in generations.list_all()] == [4, 2]
    with pytest.raises(NoGeneration):
        generations.rollback(3)


def test_a_failed_build_leaves_the_live_generation(
    builder: Build, generations: MilvusGenerations, reader: Reader
) -> None:
    builder().build(stream(catalogue(10)), seq=1)
    with pytest.raises(RuntimeError, match="broken stream"):
        builder().build(failing(10, RuntimeError("broken stream")), seq=2)
    with pytest.raises(InvalidVectors):
        builder().build([batch(PICTURE, 1, [1], unit(clustered(1, dim=17)))], seq=2)
    with pytest.raises(QueryError):
        builder().build([], seq=-1)
    assert [info.number for info in generations.list_all()] == [1]
    assert reader().seq == 1


def test_a_collection_left_by_a_killed_build_is_dropped_by_the_next(
    connection: Connection, builder: Build, generations: MilvusGenerations, names: Names
) -> None:
    builder().build(stream(catalogue(10)), seq=1)
    connection("create_collection", names.collection(2), schema=collection_schema(SPACE.dim))
    assert [(info.number, info.live, info.fault is None) for info in generations.list_all()] == [
        (2, False, False),
        (1, True, True),
    ]
    assert builder().build(stream(catalogue(10)), seq=2).number == 2
    assert all(info.fault is None for info in generations.list_all())


def test_one_builder_at_a_time(connection: Connection, tenant: str, tmp_path: Path) -> None:
    lock = Layout(tmp_path / "lock")
    with lock.build_lock(), pytest.raises(BuildInProgress):
        MilvusIndexBuilder(connection, lock, SPACE, tenant=tenant).build([], seq=1)


def test_lost_rows_are_found_and_the_reader_keeps_its_generation(
    connection: Connection,
    builder: Build,
    generations: MilvusGenerations,
    reader: Reader,
    names: Names,
) -> None:
    builder().build(stream(catalogue(10)), seq=1)
    index = reader()
    builder().build(stream(catalogue(12)), seq=2)
    connection("delete", names.collection(2), filter="row < 3")
    with pytest.raises(CorruptGeneration, match="should hold 24 views"):
        generations.verify()
    assert index.swap_if_published() is None
    assert "lost rows" in (index.status().fault or "")
    assert (index.seq, index.count()) == (1, 20)
    generations.rollback(1)
    builder().build(stream(catalogue(12)), seq=3)
    assert index.swap_if_published() == 3
    assert index.status().fault is None


def test_an_empty_catalogue_can_be_published(builder: Build, reader: Reader) -> None:
    assert builder().build([], seq=9).segments == ()
    index = reader()
    assert (index.seq, index.count()) == (9, 0)
    index.refresh([ProductViews(1, 10, (batch(PICTURE, 1, [1], clustered(1)),))], 10)
    assert index.search(clustered(1), PICTURE, 5)[0].product_ids.tolist() == [1]
    assert len(index.background(PICTURE)) == 1


def test_deleting_a_space(
    connection: Connection, builder: Build, generations: MilvusGenerations, tenant: str
) -> None:
    builder().build(stream(catalogue(5)), seq=1)
    delete_space(connection, SPACE.fingerprint, tenant)
    assert generations.list_all() == []
    with pytest.raises(NoGeneration):
        generations.get_live()


def test_invalid_settings_are_refused(connection: Connection, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="at least one"):
        MilvusIndexBuilder(connection, Layout(tmp_path), SPACE, keep=0)
    with pytest.raises(ConfigError, match="milvus-lite has no such index"):
        MilvusIndexBuilder(connection, Layout(tmp_path), SPACE, index_type="IVF_PQ")


def test_a_wrong_alias_shows_nothing_of_another_tenant(
    connection: Connection, builder: Build, names: Names
) -> None:
    """Rows carry their tenant in the partition key, and every filter names the reader's own."""
    builder().build(stream(catalogue(10)), seq=1)
    other = Names.of(SPACE, f"{names.tenant}-other")
    connection("create_alias", names.collection(1), other.alias)
    index = MilvusIndexReader(connection, SPACE, tenant=other.tenant)
    assert (index.count(), index.get_views(1)) == (0, [])
    assert index.status().fault
    connection("drop_alias", other.alias)
