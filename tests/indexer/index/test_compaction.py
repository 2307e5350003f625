"""Generations are built from stored embeddings, mirrored in the database, and only when
worthwhile."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone

from indexer.index import compaction
from indexer.index.compaction import (
    build_generation,
    is_compaction_due,
    prune_tombstones,
    repair_generation,
)
from search.config import engine_settings
from search.vectors.layout import index_root
from tests.support.catalogue import add_product
from webapp.catalog.models import (
    Embedding,
    GenerationState,
    IndexGeneration,
    IndexJob,
    JobState,
    Product,
    RemovedProduct,
)
from webapp.catalog.selectors.embeddings import get_index_sequence
from webapp.catalog.services.products import remove_products
from webapp.retrieval.models_runtime import active_space

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def index_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation's settings are read once a process; each test gets an index folder of its
    own."""
    settings = engine_settings().model_copy(update={"var_dir": tmp_path, "delta_compact_at": 3})
    for module in (
        "indexer.index.compaction",
        "indexer.index.status",
        "indexer.management.commands.index",
    ):
        monkeypatch.setattr(f"{module}.engine_settings", lambda: settings)
    return index_root(settings) / active_space().fingerprint


def encoded(count: int) -> list[Product]:
    """Products whose titles are encoded, with vectors of our choice."""
    space = active_space()
    start = Product.objects.count()
    products = [
        add_product(f"p{start + n}", title=f"thing {start + n}", space=space.fingerprint)
        for n in range(count)
    ]
    for job in IndexJob.objects.filter(state=JobState.QUEUED):
        vector = np.random.default_rng(job.pk).standard_normal(space.dim).astype(np.float32)
        Embedding.objects.create(
            space=space.fingerprint,
            modality=job.modality,
            content_hash=job.content_hash,
            vector=Embedding.pack(vector / np.linalg.norm(vector)),
        )
    IndexJob.objects.update(state=JobState.DONE)
    return products


def index(*arguments: str) -> str:
    out = io.StringIO()
    call_command("index", *arguments, stdout=out)
    return out.getvalue()


def test_a_build_holds_what_is_visible_and_encoded() -> None:
    products = encoded(4)
    Product.objects.filter(pk=products[0].pk).update(visible=False)
    add_product("later", title="not encoded yet", space=active_space().fingerprint)
    manifest = build_generation()
    assert (manifest.views, manifest.seq) == (3, get_index_sequence())
    row = IndexGeneration.objects.get()
    assert (row.state, row.number, row.views, row.seq) == (GenerationState.LIVE, 1, 3, manifest.seq)
    assert row.manifest["segments"][0]["views"] == 3


def test_one_row_is_live_and_pruned_generations_leave_no_row() -> None:
    for _ in range(5):
        encoded(1)
        build_generation()
    rows = dict(IndexGeneration.objects.values_list("number", "state"))
    assert rows == {5: "live", 4: "retired", 3: "retired"}


def test_only_a_damaged_generation_is_repaired(index_folder: Path) -> None:
    assert repair_generation() is None, "there is none"
    encoded(2)
    build_generation()
    assert repair_generation() is None, "it is intact"
    path = index_folder / "generations" / "1" / "text_view_ids.npy"
    path.write_bytes(path.read_bytes()[:-1])
    mended = repair_generation()
    assert mended is not None and (mended.number, mended.views) == (2, 2)


def test_when_a_compaction_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_compaction_due(), "there is nothing to hold"
    encoded(1)
    assert is_compaction_due(), "there is no generation"
    build_generation()
    assert not is_compaction_due()
    encoded(2)
    assert not is_compaction_due(), "the delta is small and the generation new"
    monkeypatch.setattr(compaction, "IDLE_COMPACTION_AGE", timedelta(0))
    assert is_compaction_due(), "the delta is small, but nothing has happened for long"
    monkeypatch.undo()


def test_a_full_delta_is_folded_when_the_encoder_rests_and_an_overfull_one_at_once() -> None:
    encoded(1)
    build_generation()
    encoded(3)
    assert is_compaction_due()
    IndexJob.objects.filter(pk=IndexJob.objects.order_by("pk")[0].pk).update(state=JobState.QUEUED)
    assert not is_compaction_due()
    IndexJob.objects.update(state=JobState.DONE)
    encoded(30)
    IndexJob.objects.filter(pk=IndexJob.objects.order_by("pk")[0].pk).update(state=JobState.QUEUED)
    assert is_compaction_due()


def test_traces_of_deleted_products_are_kept_as_long_as_a_generation_holds_them() -> None:
    first, second = encoded(2)
    remove_products([first.pk])
    build_generation()
    assert RemovedProduct.objects.count() == 1, (
        "a build that was killed may still hold it and be resumed"
    )
    RemovedProduct.objects.update(removed_at=timezone.now() - compaction.TOMBSTONE_MIN_AGE)
    build_generation()
    remove_products([second.pk])
    assert list(RemovedProduct.objects.values_list("pk", flat=True)) == [second.pk]
    RemovedProduct.objects.update(removed_at=timezone.now() - compaction.TOMBSTONE_MIN_AGE)
    IndexGeneration.objects.create(space="another", number=1, state="live", seq=0)
    IndexGeneration.objects.filter(space=active_space().fingerprint).update(seq=F("seq") + 10)
    assert prune_tombstones() == 0, "a generation of another space still holds it"
    IndexGeneration.objects.filter(space="another").delete()
    assert prune_tombstones() == 1


def test_the_command_builds_shows_verifies_and_rolls_back(index_folder: Path) -> None:
    encoded(2)
    assert "generation 1: 2 views" in index("build")
    encoded(1)
    assert "generation 2: 3 views" in index("build")
    state = json.loads(index("status", "--json"))
    assert [(row["number"], row["live"], row["views"]) for row in state["generations"]] == [
        (2, True, 3),
        (1, False, 2),
    ]
    assert (state["changed"], state["jobs"]["done"]) == (0, 3)
    assert "generation 2 live: 3 views" in index("status")
    assert "generation 1" in index("verify", "--number", "1")
    assert "live again: generation 1" in index("rollback")
    assert IndexGeneration.objects.get(state="live").number == 1
    assert json.loads(index("status", "--json"))["changed"] == 1


def test_exit_codes_say_what_went_wrong(index_folder: Path) -> None:
    with pytest.raises(CommandError) as nothing:
        index("verify")
    assert nothing.value.returncode == 3
    encoded(2)
    index("build")
    segment = max(
        (index_folder / "generations" / "1").iterdir(), key=lambda file: file.stat().st_size
    )
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)
    with pytest.raises(CommandError, match=segment.name) as damaged:
        index("verify")
    assert damaged.value.returncode == 1
