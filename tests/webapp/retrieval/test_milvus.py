"""Search over an index in Milvus gives the same results as over FAISS files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from search.config import EngineSettings, IndexBackend, engine_settings
from search.vectors import backends
from search.vectors.backends import make_builder
from tests.search.vectors.places import stop_lite
from tests.webapp.retrieval.stored_shop import direction, make_shop
from webapp.catalog.models import Product
from webapp.catalog.selectors.embeddings import get_index_sequence, stream_visible_views
from webapp.catalog.services.products import remove_products
from webapp.retrieval import models_runtime
from webapp.retrieval.filters import SearchFilters
from webapp.retrieval.models_runtime import active_space
from webapp.retrieval.query_media import write_token
from webapp.retrieval.search_query import SearchQuery
from webapp.retrieval.service import search_products

pytestmark = pytest.mark.django_db


@pytest.fixture
def settings_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[IndexBackend, EngineSettings]]:
    uri = str(tmp_path / "milvus.db")
    own = engine_settings().model_copy(
        update={"var_dir": tmp_path, "milvus_uri": uri, "delta_poll_s": 0.0}
    )
    yield {
        backend: own.model_copy(update={"index_backend": backend})
        for backend in ("faiss", "milvus")
    }
    stop_lite(backends.connect_milvus(uri, ""))
    backends.connect_milvus.cache_clear()


def answers(settings: EngineSettings, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """SKUs that a fresh process with these settings finds, for a picture and for a picture with
    a filter."""
    monkeypatch.setattr(models_runtime, "engine_settings", lambda: settings)
    monkeypatch.setattr(models_runtime, "_watcher", models_runtime.ActiveModelWatcher())
    picture = write_token(direction(1), active_space())
    requests = [
        SearchQuery(picture_token=picture, limit=20),
        SearchQuery(picture_token=picture, limit=20, filters=SearchFilters(brands=("Alder",))),
    ]
    return [[hit.product.sku for hit in search_products(request).hits] for request in requests]


def test_milvus_gives_the_same_results(
    settings_of: dict[IndexBackend, EngineSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_shop()
    for settings in settings_of.values():
        make_builder(settings, active_space()).build(
            stream_visible_views(space=active_space()), get_index_sequence()
        )
    before = {backend: answers(settings, monkeypatch) for backend, settings in settings_of.items()}
    assert before["milvus"] == before["faiss"]
    assert len(before["milvus"][0]) == 20
    gone = Product.objects.get(sku=before["faiss"][0][0])
    remove_products([gone.pk])
    after = {backend: answers(settings, monkeypatch) for backend, settings in settings_of.items()}
    assert after["milvus"] == after["faiss"] != before["faiss"]
    assert gone.sku not in after["milvus"][0]
