"""Moving the index to Milvus and back, through the command."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from indexer.index.compaction import is_compaction_due
from indexer.index.migration import check_migration, plan_migration
from search.config import EngineSettings, engine_settings
from search.errors import ConfigError, CorruptGeneration, Unavailable
from search.vectors import backends
from search.vectors.milvus.naming import Names
from tests.search.vectors.places import stop_lite
from tests.support.catalogue import add_product
from webapp.catalog.models import Embedding, IndexJob, JobState, Product
from webapp.catalog.services.products import remove_products
from webapp.retrieval.models_runtime import active_space

pytestmark = pytest.mark.django_db(transaction=True)

USERS = (
    "indexer.index.compaction",
    "indexer.index.status",
    "indexer.index.migration",
    "indexer.management.commands.index",
)


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineSettings]:
    uri = str(tmp_path / "milvus.db")
    settings = engine_settings().model_copy(update={"var_dir": tmp_path, "milvus_uri": uri})
    use(settings, monkeypatch)
    backends.connect_milvus.cache_clear()
    yield settings
    stop_lite(backends.connect_milvus(uri, ""))
    backends.connect_milvus.cache_clear()


def use(settings: EngineSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in USERS:
        monkeypatch.setattr(f"{module}.engine_settings", lambda: settings)


def encoded(count: int) -> list[Product]:
    """Products whose titles are encoded, with vectors of our choice."""
    space = active_space()
    products = [
        add_product(f"p{number}", title=f"thing {number}", space=space.fingerprint)
        for number in range(count)
    ]
    for job in IndexJob.objects.all():
        IndexJob.objects.filter(pk=job.pk).update(state=JobState.DONE)
        vector = np.random.default_rng(job.pk).standard_normal(space.dim).astype(np.float32)
        Embedding.objects.create(
            space=space.fingerprint,
            modality=job.modality,
            content_hash=job.content_hash,
            vector=Embedding.pack(vector / np.linalg.norm(vector)),
        )
    return products


def index(*arguments: str) -> str:
    out = io.StringIO()
    call_command("index", *arguments, stdout=out)
    return out.getvalue()


def test_there_and_back(installation: EngineSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    products = encoded(30)
    index("build")
    remove_products([products[0].pk])
    said = index("migrate", "--to", "milvus", "--dry-run")
    assert "29 views" in said and "holds 0 generations" in said
    assert (
        backends.open_generations(plan_migration("milvus").target, active_space()).list_all() == []
    )

    said = index("migrate", "--to", "milvus")
    assert "milvus: generation 1: 29 views" in said
    assert "Both hold the same 29 views" in said and "100.0%" in said
    assert "OMNISHELF_INDEX_BACKEND=milvus" in said and "--to faiss" in said
    assert "generation 1 live: 30 views" in index("status"), "the backend in use is as it was"

    use(installation.model_copy(update={"index_backend": "milvus"}), monkeypatch)
    assert "generation 1 live: 29 views" in index("status")
    assert "generation 2: 29 views" in index("build")
    assert "generation 2" in index("verify")
    assert "live again: generation 1" in index("rollback")
    assert "faiss: generation 2: 29 views" in index("migrate", "--to", "faiss")


def test_a_target_that_lost_rows_is_found_out(installation: EngineSettings) -> None:
    encoded(30)
    index("migrate", "--to", "milvus")
    plan = plan_migration("milvus")
    connection = backends.connect_milvus(installation.milvus_uri, "")
    connection("delete", Names.of(plan.space, "").collection(1), filter="row < 20")
    with pytest.raises(CorruptGeneration):
        check_migration(plan)


def test_what_cannot_be_migrated_to(
    installation: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandError, match="in use already"):
        index("migrate", "--to", "faiss")
    use(installation.model_copy(update={"milvus_uri": ""}), monkeypatch)
    with pytest.raises(ConfigError, match="OMNISHELF_MILVUS_URI"):
        plan_migration("milvus")
    away = {"milvus_uri": "http://127.0.0.1:9", "index_backend": "milvus"}
    use(installation.model_copy(update=away), monkeypatch)
    monkeypatch.setattr("search.vectors.milvus.connection.ANSWER_SECONDS", 0.3)
    with pytest.raises(Unavailable):
        plan_migration("faiss")
    assert not is_compaction_due(), "a sweep has other work to do"


def test_a_change_of_backend_is_followed_by_a_build(
    installation: EngineSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Traces of products deleted meanwhile may be gone."""
    encoded(5)
    index("build")
    index("migrate", "--to", "milvus")
    assert not is_compaction_due()
    index("build")
    use(installation.model_copy(update={"index_backend": "milvus"}), monkeypatch)
    assert is_compaction_due()
    index("build")
    assert not is_compaction_due()
