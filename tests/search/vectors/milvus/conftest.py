"""One milvus-lite for all tests of the folder; each test has its own tenant."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from search.config import MilvusIndexType
from search.vectors.layout import Layout
from search.vectors.milvus.builder import MilvusIndexBuilder
from search.vectors.milvus.connection import Connection
from search.vectors.milvus.generations import MilvusGenerations
from search.vectors.milvus.naming import Names
from search.vectors.milvus.reader import MilvusIndexReader
from tests.search.vectors.places import SPACE, stop_lite

_numbers = itertools.count()


@pytest.fixture(scope="package")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    opened = Connection(str(tmp_path_factory.mktemp("milvus") / "milvus.db"))
    yield opened
    stop_lite(opened)


@pytest.fixture
def tenant() -> str:
    return f"tenant-{next(_numbers)}"


@pytest.fixture
def names(tenant: str) -> Names:
    return Names.of(SPACE, tenant)


Build = Callable[..., MilvusIndexBuilder]


@pytest.fixture
def builder(connection: Connection, tenant: str, tmp_path: Path) -> Build:
    def make(index_type: MilvusIndexType = "auto", keep: int = 3) -> MilvusIndexBuilder:
        return MilvusIndexBuilder(
            connection,
            Layout(tmp_path / "lock"),
            SPACE,
            tenant=tenant,
            index_type=index_type,
            keep=keep,
        )

    return make


@pytest.fixture
def generations(connection: Connection, tenant: str) -> MilvusGenerations:
    return MilvusGenerations(connection, SPACE, tenant=tenant)


@pytest.fixture
def reader(connection: Connection, tenant: str) -> Callable[[], MilvusIndexReader]:
    return lambda: MilvusIndexReader(connection, SPACE, tenant=tenant)
