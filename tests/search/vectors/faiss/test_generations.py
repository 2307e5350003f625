"""Publish, list, prune and roll back generations, and how a reader follows."""

from __future__ import annotations

import datetime
import hashlib
import json
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from search.config import EngineSettings
from search.errors import ConfigError, NoGeneration, QueryError
from search.types import Modality, ProductViews
from search.vectors.faiss.builder import FaissIndexBuilder
from search.vectors.faiss.generations import FaissGenerations
from search.vectors.faiss.reader import FaissIndexReader
from search.vectors.index_types import MIN_TRAINABLE_VIEWS, IndexTypeSettings, choose_index_types
from search.vectors.layout import index_root
from tests.search.vectors.reference import batch, catalogue, clustered, make_space, stream, unit

SPACE = make_space()
PICTURE = Modality.PICTURE


def build(root: Path, products: int, seq: int, keep: int = 3) -> int:
    return FaissIndexBuilder(root, SPACE, keep=keep).build(stream(catalogue(products)), seq).number


def test_the_index_is_under_the_var_folder() -> None:
    assert index_root(EngineSettings(var_dir=Path("/srv/shop"))) == Path("/srv/shop/index")


def test_nothing_published(tmp_path: Path) -> None:
    assert FaissGenerations(tmp_path, SPACE).list_all() == []
    generations = FaissGenerations(tmp_path, SPACE)
    for look in (generations.get_live, generations.verify, generations.rollback):
        with pytest.raises(NoGeneration):
            look()
    status = FaissIndexReader(tmp_path, SPACE).status()
    assert (status.generation, status.seq, status.views, status.fault) == (None, 0, 0, None)


def test_the_delta_alone_is_searched_before_the_first_build(tmp_path: Path) -> None:
    index = FaissIndexReader(tmp_path, SPACE)
    vectors = clustered(300)
    index.refresh(
        [ProductViews(at, at + 1, (batch(PICTURE, at, [at], vectors[[at]]),)) for at in range(300)],
        300,
    )
    assert index.search(vectors[17], PICTURE, 1)[0].view_ids.tolist() == [17]
    assert index.background(PICTURE).shape == (256, SPACE.dim)
    assert index.background(Modality.TEXT).shape == (0, SPACE.dim)


def test_manifest_holds_size_and_checksum_of_every_file(tmp_path: Path) -> None:
    build(tmp_path, 30, seq=7)
    folder = tmp_path / SPACE.fingerprint / "generations" / "1"
    manifest = FaissGenerations(tmp_path, SPACE).verify()
    named = {entry.name: entry for segment in manifest.segments for entry in segment.files}
    assert set(named) == {path.name for path in folder.iterdir()} - {
        "manifest.json",
        "manifest.sha256",
    }
    for name, entry in named.items():
        body = (folder / name).read_bytes()
        assert (len(body), hashlib.sha256(body).hexdigest()) == (entry.bytes, entry.sha256)
    assert (manifest.seq, manifest.preset, manifest.views, manifest.previous) == (
        7,
        "test",
        60,
        None,
    )
    assert datetime.datetime.now(datetime.UTC) - manifest.created_at < datetime.timedelta(minutes=1)
    assert json.loads((folder / "manifest.json").read_text())["space"] == SPACE.fingerprint
    assert not (tmp_path / SPACE.fingerprint / "building").exists()


def test_an_empty_catalogue_can_be_published(tmp_path: Path) -> None:
    build(tmp_path, 0, seq=3)
    index = FaissIndexReader(tmp_path, SPACE)
    assert (index.seq, index.count(), index.status().segments) == (3, 0, ())


def test_only_the_last_generations_are_kept(tmp_path: Path) -> None:
    for seq in range(1, 6):
        build(tmp_path, seq, seq, keep=2)
    assert [(info.number, info.live) for info in FaissGenerations(tmp_path, SPACE).list_all()] == [
        (5, True),
        (4, False),
    ]


def test_a_generation_that_was_rolled_back_is_not_a_later_target(tmp_path: Path) -> None:
    for seq in (1, 2, 3):
        build(tmp_path, 5, seq)
    assert FaissGenerations(tmp_path, SPACE).rollback().number == 2
    assert [info.live for info in FaissGenerations(tmp_path, SPACE).list_all()] == [
        False,
        True,
        False,
    ]
    assert build(tmp_path, 5, 4) == 4
    assert [info.number for info in FaissGenerations(tmp_path, SPACE).list_all()] == [4, 2, 1]
    assert FaissGenerations(tmp_path, SPACE).rollback().number == 2
    assert FaissGenerations(tmp_path, SPACE).rollback().number == 1
    with pytest.raises(NoGeneration, match="before the live one"):
        FaissGenerations(tmp_path, SPACE).rollback()
    assert FaissGenerations(tmp_path, SPACE).rollback(to=4).number == 4


def test_a_rollback_to_a_missing_generation_is_refused(tmp_path: Path) -> None:
    build(tmp_path, 5, 1)
    with pytest.raises(NoGeneration, match="99"):
        FaissGenerations(tmp_path, SPACE).rollback(to=99)
    assert FaissGenerations(tmp_path, SPACE).get_live().number == 1


def test_a_swap_returns_the_seq_to_reload_from(tmp_path: Path) -> None:
    build(tmp_path, 4, seq=10)
    index = FaissIndexReader(tmp_path, SPACE)
    assert index.swap_if_published() is None
    newer = ProductViews(1, 15, (batch(PICTURE, 1, [900], clustered(1, seed=2)),))
    index.refresh([ProductViews(0, 12), newer], 20)

    build(tmp_path, 6, seq=13)
    assert index.swap_if_published() == 20
    assert index.status().delta_products == 1
    assert [part.view_ids.tolist() for part in index.get_views(1)] == [[900]]

    FaissGenerations(tmp_path, SPACE).rollback()
    assert index.swap_if_published() == 10 == index.seq
    assert [part.view_ids.tolist() for part in index.get_views(1)] == [[900]]
    index.refresh([ProductViews(0, 12), newer], 20)
    assert (index.get_views(0), index.seq) == ([], 20)


def test_seq_never_goes_back_by_a_refresh(tmp_path: Path) -> None:
    index = FaissIndexReader(tmp_path, SPACE)
    index.refresh([], 9)
    index.refresh([], 4)
    assert index.seq == 9


def test_changes_that_the_generation_includes_are_skipped(tmp_path: Path) -> None:
    build(tmp_path, 4, seq=10)
    index = FaissIndexReader(tmp_path, SPACE)
    assert index.refresh([ProductViews(0, 10), ProductViews(1, 11)], 11) == 1
    assert index.refresh([ProductViews(1, 11)], 11) == 0
    assert index.get_views(0) != []


@pytest.mark.parametrize("seq", [0, -1])
def test_a_change_without_a_seq_is_refused(tmp_path: Path, seq: int) -> None:
    with pytest.raises(QueryError, match="seq"):
        FaissIndexReader(tmp_path, SPACE).refresh([ProductViews(1, seq)], 1)


def test_superseded_delta_rows_are_dropped(tmp_path: Path) -> None:
    index = FaissIndexReader(tmp_path, SPACE)
    vectors = clustered(40)
    for seq in range(1, 200):
        index.refresh([ProductViews(1, seq, (batch(PICTURE, 1, range(40), vectors),))], seq)
    assert len(index._snapshot.delta[PICTURE].alive) < 200
    assert index.count() == 40


def test_spaces_do_not_mix(tmp_path: Path) -> None:
    build(tmp_path, 4, seq=10)
    assert FaissIndexReader(tmp_path, make_space(fingerprint="07e4")).count() == 0
    (tmp_path / SPACE.fingerprint).rename(tmp_path / "07e4")
    assert "another space" in str(
        FaissIndexReader(tmp_path, make_space(fingerprint="07e4")).status().fault
    )


def test_builds_with_invalid_arguments_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        FaissIndexBuilder(tmp_path, SPACE, keep=0)
    with pytest.raises(QueryError):
        FaissIndexBuilder(tmp_path, SPACE).build([], seq=-1)


@pytest.mark.parametrize(
    ("views", "dim", "factory"),
    [
        (1_200, 16, "IVF26,PQ8x4fs"),
        (250_000, 384, "OPQ96,IVF1722,PQ96x4fs"),
        (1_500_000, 384, "OPQ96,IVF4096,PQ96x4fs"),
        (700, 7, "IVF16,PQ7x4fs"),
        (3_000_000, 512, "OPQ128,IVF16384_HNSW32,PQ128x4fs"),
    ],
)
def test_factory_fits_size_and_dimension(views: int, dim: int, factory: str) -> None:
    assert choose_index_types(views, dim, IndexTypeSettings(exact_up_to=0))[0].factory == factory


def test_the_index_type_depends_on_size_and_memory() -> None:
    settings = IndexTypeSettings(memory_bytes=5 * 10**7)
    shapes = [
        choose_index_types(views, 512, settings)[0].index_type
        for views in (20_000, 200_000, 500_000, 1_000_000)
    ]
    assert shapes == ["exact", "ivf_pq", "ivf_pq", "ivf_mapped"]
    assert (
        choose_index_types(200_000, 512, IndexTypeSettings(eight_bit_up_to=200_000))[0].index_type
        == "ivf_sq8"
    )
    assert choose_index_types(10**6, 512, settings)[-1].index_type == "exact", (
        "exact search is the last resort"
    )


def test_untrainable_segments_stay_exact(tmp_path: Path) -> None:
    manifest = FaissIndexBuilder(tmp_path, SPACE, exact_up_to=0).build(stream(catalogue(40)), 1)
    assert (manifest.segments[0].index_type, manifest.segments[0].recall) == ("exact", 1.0)
    assert str(MIN_TRAINABLE_VIEWS) in manifest.segments[0].why


def test_finer_codes_replace_codes_that_miss_the_recall(tmp_path: Path) -> None:
    """Random views: four bits for two components cannot tell the best ten from the next hundred."""
    space = make_space(dim=48)
    alike = unit(np.random.default_rng(0).standard_normal((20_000, 48)))
    builder = FaissIndexBuilder(
        tmp_path, space, index_types=IndexTypeSettings(exact_up_to=0, recall_target=1.0)
    )
    (segment,) = builder.build([batch(PICTURE, 1, range(20_000), alike)], 1).segments
    assert segment.index_type == "ivf_sq8"
    assert "PQ24x4fs reached recall" in segment.why
    assert segment.recall >= 0.995
    found = FaissIndexReader(tmp_path, space).search(alike[5], PICTURE, 1)[0]
    assert found.scores[0] == pytest.approx(1, abs=1e-3)


def test_every_modality_has_its_segment(tmp_path: Path) -> None:
    vectors = clustered(4)
    batches = [batch(modality, 7, [at], vectors[[at]]) for at, modality in enumerate(Modality)]
    manifest = FaissIndexBuilder(tmp_path, SPACE).build(batches, 1)
    assert {segment.modality for segment in manifest.segments} == set(Modality)
    assert [part.modality for part in FaissIndexReader(tmp_path, SPACE).get_views(7)] == list(
        Modality
    )


def test_a_generation_that_opens_slowly_blocks_nothing(tmp_path: Path) -> None:
    """With no time to wait, every generation opens slowly: changes are applied meanwhile."""
    FaissIndexBuilder(tmp_path, SPACE).build(stream(catalogue(5)), 1)
    index = FaissIndexReader(tmp_path, SPACE, swap_wait_seconds=0)
    assert index.count() == 10, "the first generation is waited for"
    FaissIndexBuilder(tmp_path, SPACE).build(stream(catalogue(6)), 2)
    swaps = [index.swap_if_published()]
    index.refresh([ProductViews(0, 3)], 3)
    for _ in range(200):
        time.sleep(0.01)
        swaps.append(index.swap_if_published())
    assert [seq for seq in swaps if seq is not None] in ([2], [3])
    assert (index.count(), index.seq) == (10, 3)


def test_tenants_share_no_vectors(tmp_path: Path) -> None:
    roots = [
        index_root(EngineSettings(var_dir=tmp_path, tenant=tenant))
        for tenant in ("", "north", "south")
    ]
    for number, root in enumerate(roots):
        FaissIndexBuilder(root, SPACE).build(stream(catalogue(5 + number)), 1)
    assert [FaissIndexReader(root, SPACE).count() for root in roots] == [10, 12, 14]
    with pytest.raises(ValueError, match="tenant"):
        EngineSettings(tenant="../north")


def test_all_views_can_be_found_without_holding_their_vectors(tmp_path: Path) -> None:
    space = make_space(dim=256)
    views = 40_000
    vectors = clustered(views, dim=256)
    FaissIndexBuilder(tmp_path, space, exact_up_to=views).build(
        [batch(PICTURE, 1, range(views), vectors)], 1
    )
    index = FaissIndexReader(tmp_path, space)
    tracemalloc.start()
    (found,) = index.search(vectors[0], PICTURE, 1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.scores) == views
    assert peak < views * 256 * 2, "less than the stored vectors"
