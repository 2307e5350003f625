"""Backends chosen by settings: separate tenants, helpful errors, Milvus loaded only where used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from search.config import EngineSettings, IndexBackend
from search.errors import ConfigError, Unavailable
from search.types import Modality
from search.vectors import backends
from search.vectors.backends import delete_index, make_builder, open_generations, open_index
from tests.search.vectors.places import SPACE, stop_lite
from tests.search.vectors.reference import catalogue, clustered, stream

QUERY = clustered(1, seed=5)


@pytest.fixture(params=["faiss", "milvus"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EngineSettings]:
    backend: IndexBackend = request.param
    uri = str(tmp_path / "milvus.db")
    yield EngineSettings(var_dir=tmp_path, index_backend=backend, milvus_uri=uri)
    if backend == "milvus":
        stop_lite(backends.connect_milvus(uri, ""))
        backends.connect_milvus.cache_clear()


def test_a_tenant_never_sees_vectors_of_another(settings: EngineSettings) -> None:
    tenants = {name: settings.model_copy(update={"tenant": name}) for name in ("", "a-b", "a_b")}
    for size, own in enumerate(tenants.values(), start=3):
        make_builder(own, SPACE).build(stream(catalogue(size)), seq=size)
    for size, own in enumerate(tenants.values(), start=3):
        index = open_index(own, SPACE)
        assert (index.seq, index.count()) == (size, 2 * size)
        (found,) = index.search(QUERY, Modality.PICTURE, 100)
        assert sorted(set(found.product_ids.tolist())) == list(range(size))
        assert [info.number for info in open_generations(own, SPACE).list_all()] == [1]
    delete_index(tenants["a-b"], SPACE.fingerprint)
    assert open_index(tenants["a-b"], SPACE).count() == 0
    assert open_index(tenants["a_b"], SPACE).count() == 10


def test_errors_name_the_missing_setting_or_server(tmp_path: Path) -> None:
    settings = EngineSettings(var_dir=tmp_path, index_backend="milvus")
    with pytest.raises(ConfigError, match="OMNISHELF_MILVUS_URI"):
        open_index(settings, SPACE)
    unreachable = settings.model_copy(update={"milvus_uri": "http://127.0.0.1:9"})
    with pytest.raises(Unavailable):
        open_index(unreachable, SPACE)
    with pytest.raises(ConfigError):
        open_index(settings.model_copy(update={"milvus_uri": "nonsense"}), SPACE)


WITHOUT_CLIENT = """
import sys
sys.modules["pymilvus"] = None
from search.config import EngineSettings
from search.errors import ConfigError
from search.types import Space
from search.vectors.backends import open_index

space = Space("test", "5face", 16, frozenset())
open_index(EngineSettings(var_dir=sys.argv[1]), space)
assert "grpc" not in sys.modules, "the client was loaded"
try:
    settings = EngineSettings(
        var_dir=sys.argv[1], index_backend="milvus", milvus_uri="http://localhost:9"
    )
    open_index(settings, space)
except ConfigError as error:
    print(error)
"""


def test_the_client_is_needed_only_where_it_is_used(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_CLIENT, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "pip install -r requirements-milvus.txt" in done.stdout


@pytest.mark.parametrize("tenant", ["a b", "../x", 'a"', "x" * 65, "é"])
def test_a_tenant_name_with_other_characters_is_refused(tenant: str) -> None:
    with pytest.raises(ValueError, match="tenant"):
        EngineSettings(tenant=tenant)
