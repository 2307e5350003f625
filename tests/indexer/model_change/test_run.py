"""A change of model: success, refusal, interruption, arrivals in its middle, and the way back."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import pytest

from indexer.encoding import storage, worker
from indexer.encoding.run import encode_queued
from indexer.index.compaction import build_generation
from indexer.model_change import run
from indexer.model_change.claiming import ABANDONED
from indexer.model_change.report import get_model_status
from indexer.model_change.run import ChangeRelease, change_model, rollback_change
from indexer.model_release import release
from search.config import engine_settings
from search.errors import InputError, SelfTestFailed, Unavailable, WeightsMissing
from search.evaluation.folder import EvaluationQuery
from search.types import Space
from search.vectors.manifest import Manifest
from tests.indexer.model_change.conftest import SAID, add_square, fill_shop
from webapp.catalog.models import (
    Embedding,
    GoldenSetSource,
    IndexJob,
    JobState,
    ModelChange,
    ModelChangeState,
    Product,
)
from webapp.catalog.selectors.embeddings import get_index_sequence
from webapp.catalog.services.products import remove_asset, remove_products
from webapp.retrieval import models_runtime, service
from webapp.retrieval.models_runtime import active_space, wait_until_current
from webapp.retrieval.search_query import SearchQuery
from webapp.retrieval.service import search_products

pytestmark = pytest.mark.django_db(transaction=True)

GoldenQueries = Sequence[EvaluationQuery]


def answers() -> dict[str, list[tuple[str, float]]]:
    """What the shop answers, once this process has followed: products and scores."""
    wait_until_current()
    return {
        colour: [
            (hit.product.sku, hit.score)
            for hit in search_products(SearchQuery(text=said, limit=60)).hits
        ]
        for colour, said in SAID.items()
    }


def firsts(colour: str, count: int) -> set[str]:
    return {sku for sku, _ in answers()[colour][:count]}


def test_a_better_model_comes_into_use_and_a_rollback_gives_the_same_answers(
    golden: GoldenQueries,
) -> None:
    fill_shop()
    before, former = answers(), active_space()
    change = change_model("taught", golden=golden)
    assert (
        change.state == ModelChangeState.LIVE
        and change.golden_source == GoldenSetSource.FILE
        and change.query_count == 6
    )
    assert change.after["mAP"] > change.before["mAP"] + 0.2 and change.after["hit@10"] == 1
    assert (
        0 < (change.overlap or 0) < 1
        and (change.gain_low or 0) > 0
        and "not get worse" in change.decision
    )
    assert firsts("red", 4) == {"red-0", "red-1", "red-2", "red-3"}
    assert active_space().preset == "taught" and active_space().fingerprint == change.space
    assert set(models_runtime._encoders) == {"taught"}, "the former model's memory is free"

    add_square("red-new", "red", 99)
    remove_products([Product.objects.get(sku="blue-0").pk])
    encode_queued()
    build_generation()
    assert firsts("red", 5) == {"red-new", *(f"red-{n}" for n in range(4))}

    taken_back = rollback_change()
    assert taken_back.pk == change.pk and taken_back.state == ModelChangeState.ROLLED_BACK
    after = answers()
    assert active_space() == former
    assert "red-new" in {sku for sku, _ in after["red"]}, (
        "what came since is found in the former space"
    )
    expected = [pair for pair in before["red"] if pair[0] != "blue-0"]
    kept = [(sku, score) for sku, score in after["red"] if sku != "red-new"]
    assert [sku for sku, _ in kept] == [sku for sku, _ in expected]
    with pytest.raises(InputError, match="no change of model"):
        rollback_change()


def test_a_rollback_gives_the_same_scores(golden: GoldenQueries) -> None:
    fill_shop()
    before = answers()
    change_model("taught", golden=golden)
    assert answers() != before
    rollback_change()
    assert answers() == before


def test_a_rollback_works_when_the_new_model_is_missing(
    golden: GoldenQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_shop()
    before = answers()
    change_model("taught", golden=golden)
    add_square("red-new", "red", 99)
    models_runtime.wait_until_current()
    with monkeypatch.context() as patched:
        shutil.copytree(
            Path(str(engine_settings().weights_dir)) / "untaught",
            engine_settings().var_dir / "weights" / "untaught",
        )
        patched.delenv("OMNISHELF_WEIGHTS_DIR")
        engine_settings.cache_clear()
        monkeypatch.setattr(models_runtime, "_encoders", WeakValueDictionary())
        models_runtime.base_space.cache_clear()
        monkeypatch.setattr(models_runtime, "_watcher", models_runtime.ActiveModelWatcher())
        with pytest.raises(WeightsMissing):
            active_space()
        state = get_model_status()
        assert state["preset"] == "taught" and "are not installed" in state["fault"]
        rollback_change()
        after = answers()
        assert {sku for sku, _ in after["red"]} == {sku for sku, _ in before["red"]} | {"red-new"}


def test_a_worse_model_is_refused_unless_forced(golden: GoldenQueries) -> None:
    fill_shop()
    change_model("taught", golden=golden)
    before = answers()
    clock = get_index_sequence()
    refused = change_model("untaught", golden=golden)
    assert (
        refused.state == ModelChangeState.REFUSED
        and (refused.gain or 0) < -0.2
        and (refused.gain_high or 0) < 0
    )
    assert "Not brought into use" in refused.decision and f"{refused.gain:+.3f}" in refused.decision
    assert (
        answers() == before and active_space().preset == "taught" and get_index_sequence() == clock
    )
    forced = change_model("untaught", golden=golden, force=True)
    assert forced.state == ModelChangeState.LIVE and "Forced" in forced.decision
    assert answers() != before and active_space().preset == "untaught"
    assert rollback_change() == forced
    assert answers() == before, "back to the change before, which is in use again"
    assert ModelChange.objects.get(state=ModelChangeState.LIVE).preset == "taught"


def test_a_dry_run_says_and_changes_nothing(golden: GoldenQueries) -> None:
    fill_shop()
    before, clock = answers(), get_index_sequence()
    change = change_model("taught", golden=golden, dry_run=True)
    assert change.state == ModelChangeState.TRIED and (change.gain or 0) > 0
    assert answers() == before and get_index_sequence() == clock, "no reader had to hear of it"


def test_too_few_titles_allow_no_decision() -> None:
    fill_shop()
    change = change_model("taught")
    assert (
        change.state == ModelChangeState.REFUSED
        and change.golden_source == GoldenSetSource.CATALOGUE
        and change.query_count == 0
    )
    assert "Only 0 queries" in change.decision


def test_a_model_that_fails_its_check_or_is_in_use_changes_nothing(
    golden: GoldenQueries,
) -> None:
    fill_shop()
    with pytest.raises(SelfTestFailed):
        change_model("broken", golden=golden)
    with pytest.raises(InputError, match="in use already"):
        change_model("untaught", golden=golden)
    assert not ModelChange.objects.exists() and active_space().preset == "untaught"


def test_a_killed_change_resumes_and_encodes_nothing_twice(
    golden: GoldenQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_shop()
    before = answers()
    store = storage.store_batch
    stored: list[int] = []

    def cut_off(*args: Any, **options: Any) -> None:
        if stored:
            raise KeyboardInterrupt
        store(*args, **options)
        stored.append(1)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(worker, "store_batch", cut_off)
        patched.setattr("search.encoders.device.Runtime.picture_batch_size", 5)
        change_model("taught", golden=golden)
    interrupted = ModelChange.objects.get()
    assert interrupted.is_interrupted and answers() == before
    first = set(Embedding.objects.filter(space=interrupted.space).values_list("pk", flat=True))
    assert len(first) == 5

    add_square("red-new", "red", 99)
    assert IndexJob.objects.filter(space=interrupted.space, state=JobState.QUEUED).count() == 20
    change = change_model("taught", golden=golden)
    assert change.pk == interrupted.pk and change.state == ModelChangeState.LIVE
    stored_now = Embedding.objects.filter(space=change.space)
    assert first < set(stored_now.values_list("pk", flat=True)) and stored_now.count() == 25
    assert "red-new" in firsts("red", 5)


@pytest.mark.parametrize(
    ("owner", "step"),
    [(release, "build_generation"), (run, "compare"), (ChangeRelease, "activate")],
)
def test_a_change_killed_at_a_later_step_resumes(
    golden: GoldenQueries, monkeypatch: pytest.MonkeyPatch, owner: object, step: str
) -> None:
    fill_shop()
    before = answers()

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(owner, step, cut_off)
        change_model("taught", golden=golden)
    assert ModelChange.objects.get().is_interrupted and answers() == before
    assert change_model("taught", golden=golden).state == ModelChangeState.LIVE
    assert ModelChange.objects.count() == 1 and firsts("blue", 4) == {f"blue-{n}" for n in range(4)}


def test_an_interrupted_change_can_be_abandoned(
    golden: GoldenQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_shop()

    def cut_off(space: Space) -> Manifest:
        add_square("red-new", "red", 99)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(release, "build_generation", cut_off)
        change_model("taught", golden=golden)
    abandoned = rollback_change()
    assert abandoned.state == ModelChangeState.FAILED and abandoned.error == ABANDONED
    assert set(IndexJob.objects.filter(state=JobState.QUEUED).values_list("space", flat=True)) == {
        active_space().fingerprint
    }


def test_what_changes_meanwhile_is_found_after_the_swap(
    golden: GoldenQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_shop()
    red = Product.objects.get(sku="red-0")

    def meanwhile(space: Space) -> Manifest:
        add_square("red-before", "red", 97)
        manifest = build_generation(space)
        add_square("red-after", "red", 98)
        remove_asset(asset=red.assets.get())
        add_square("red-last", "red", 99)
        return manifest

    monkeypatch.setattr(release, "build_generation", meanwhile)
    change = change_model("taught", golden=golden)
    assert change.state == ModelChangeState.LIVE
    found = firsts("red", 6)
    assert found == {"red-before", "red-after", "red-last", "red-1", "red-2", "red-3"}
    spaces = IndexJob.objects.filter(state=JobState.DONE).values_list("space", flat=True)
    assert set(spaces) == {change.space, change.previous_space}, "both spaces got what came"


def test_another_space_in_use_voids_the_comparison(
    golden: GoldenQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_shop()
    before = answers()

    activate = ChangeRelease.activate

    def activate_after_another_space(self: ChangeRelease) -> None:
        ModelChange.objects.filter(pk=self.row.pk).update(previous_space="another")
        self.row.refresh_from_db()
        activate(self)

    monkeypatch.setattr(ChangeRelease, "activate", activate_after_another_space)
    with pytest.raises(Unavailable, match="void"):
        change_model("taught", golden=golden)
    assert ModelChange.objects.get().state == ModelChangeState.FAILED and answers() == before


def test_searches_never_fail_and_never_mix_spaces(golden: GoldenQueries) -> None:
    fill_shop()
    allowed = {said: [skus_of(said)] for said in SAID.values()}
    ended = threading.Event()
    seen: list[tuple[str, list[str]]] = []
    faults: list[BaseException] = []

    def ask() -> None:
        from django.db import connections

        try:
            # A pause, because a build on a machine without an idle core waits for whoever never
            # rests.
            while not ended.wait(0.02):
                seen.extend((said, skus_of(said)) for said in SAID.values())
        except BaseException as error:
            faults.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert change_model("taught", golden=golden).state == ModelChangeState.LIVE
        wait_until_current()
        for said, lists in allowed.items():
            lists.append(skus_of(said))
        rollback_change()
        wait_until_current()
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert not faults and len(seen) > 20
    assert all(found in allowed[said] for said, found in seen), "an answer of neither space"
    assert {tuple(found) for said, found in seen} > {tuple(lists[0]) for lists in allowed.values()}


def test_a_search_ends_in_the_space_that_it_began_in(
    golden: GoldenQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_shop()
    before = answers()
    change_model("taught", golden=golden)
    after = answers()
    ModelChange.objects.update(state=ModelChangeState.ROLLED_BACK)
    assert answers() == before

    def swapped_behind() -> models_runtime.ActiveModel:
        held = models_runtime.active_model()
        ModelChange.objects.update(state=ModelChangeState.LIVE)
        assert wait_until_current().preset == "taught"
        return held

    with monkeypatch.context() as patched:
        patched.setattr(service, "active_model", swapped_behind)
        found = search_products(SearchQuery(text=SAID["red"], limit=60))
    assert [(hit.product.sku, hit.score) for hit in found.hits] == before["red"]
    assert answers() == after


def skus_of(said: str) -> list[str]:
    return [hit.product.sku for hit in search_products(SearchQuery(text=said)).hits]
