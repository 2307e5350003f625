"""Tuning improves what can be improved, publishes nothing else, and can be taken back to the
very same answers."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from indexer.index.compaction import build_generation
from indexer.model_release import release
from indexer.tuning.run import find_unused_tuned_spaces, rollback_tuning, run_tuning
from search.encoders.protocol import TunableEncoder
from search.errors import InputError
from search.types import Space
from tests.indexer.tuning.conftest import encode_all
from tests.support.catalogue import add_product
from tests.support.colour_shop import COLOURS, fill_shop, picture
from webapp.catalog.models import (
    CachedFeatures,
    Embedding,
    IndexJob,
    JobState,
    Product,
    Tuning,
    TuningState,
)
from webapp.catalog.services.products import remove_products
from webapp.catalog.services.tunings import create_tuning
from webapp.clicklog.services import add_clicks
from webapp.retrieval.models_runtime import active_space, heads_path, index_status
from webapp.retrieval.search_query import SearchQuery
from webapp.retrieval.service import search_products

pytestmark = pytest.mark.django_db(transaction=True)


def tune(*, dry_run: bool = False, from_clicks: bool = False) -> Tuning:
    queued = create_tuning(preset="compact", dry_run=dry_run, from_clicks=from_clicks)
    tuning = run_tuning(queued.pk)
    assert tuning
    return tuning


def answers() -> dict[str, list[tuple[int, float]]]:
    """What the shop answers: products and scores."""
    return {
        colour: [
            (hit.product.pk, hit.score)
            for hit in search_products(SearchQuery(text=f"{colour} mugs")).hits
        ]
        for colour in COLOURS
    }


def shop(space: str, count: int = 300) -> None:
    fill_shop(count, space=space)
    encode_all()
    build_generation()


def test_a_tuning_is_published_without_decoding_and_rolled_back_exactly(
    colours: TunableEncoder, media_root: Path, request: pytest.FixtureRequest
) -> None:
    shop(colours.space.fingerprint)
    before = answers()
    request.getfixturevalue("no_decoding")
    tuning = tune()
    assert tuning.state == TuningState.LIVE and tuning.decoded == 0 and tuning.pairs == 300
    assert tuning.after["words → pictures"]["mAP"] > tuning.before["words → pictures"]["mAP"] + 0.2
    assert active_space().fingerprint == tuning.space == index_status().space
    assert index_status().generation == 1 and index_status().views == 600
    after = answers()
    assert after != before

    add_product("new", title="red mugs newest", pictures=[], space=active_space().fingerprint)
    encode_all()
    assert search_products(SearchQuery(text="red mugs newest")).hits[0].product.sku == "new"

    taken_back = rollback_tuning("compact")
    assert taken_back.state == TuningState.ROLLED_BACK and active_space() == colours.space
    assert search_products(SearchQuery(text="red mugs newest")).hits[0].product.sku == "new", (
        "nothing is lost"
    )
    add_product_gone()
    assert answers() == before


def add_product_gone() -> None:
    remove_products([Product.objects.get(sku="new").pk])


def test_labels_that_mean_nothing_are_not_published(colours: TunableEncoder) -> None:
    names = list(COLOURS)
    rng = random.Random(7)
    fill_shop(240, space=colours.space.fingerprint, said=lambda n, colour: rng.choice(names))
    encode_all()
    tuning = tune()
    assert tuning.state == TuningState.REJECTED and "Not published" in tuning.decision
    assert active_space() == colours.space
    assert not Embedding.objects.exclude(space=colours.space.fingerprint).exists()


def test_a_dry_run_says_and_changes_nothing(colours: TunableEncoder) -> None:
    shop(colours.space.fingerprint, 240)
    tuning = tune(dry_run=True)
    assert tuning.state == TuningState.TRIED and "Would be published" in tuning.decision
    assert (
        active_space() == colours.space
        and not Tuning.objects.filter(state=TuningState.LIVE).exists()
    )


def test_a_small_catalogue_is_refused_with_the_number(colours: TunableEncoder) -> None:
    fill_shop(30, space=colours.space.fingerprint)
    encode_all()
    with pytest.raises(InputError, match="30 pairs"):
        tune()
    tuning = Tuning.objects.get()
    assert tuning.state == TuningState.FAILED and "30 pairs" in tuning.error


def test_two_at_once_are_refused(colours: TunableEncoder) -> None:
    create_tuning(preset="compact")
    with pytest.raises(InputError, match="under way"):
        create_tuning(preset="compact")


def test_contents_encoded_before_features_were_kept_are_decoded_once(
    colours: TunableEncoder,
) -> None:
    shop(colours.space.fingerprint, 240)
    CachedFeatures.objects.filter(modality="picture").delete()
    assert tune(dry_run=True).decoded == 240
    assert CachedFeatures.objects.filter(modality="picture", towers=colours.tower_id).count() == 240


def test_what_waits_is_encoded_into_the_new_space(colours: TunableEncoder) -> None:
    shop(colours.space.fingerprint, 240)
    add_product(
        "late",
        title="red mugs late",
        pictures=[picture("red", 9999)],
        space=colours.space.fingerprint,
    )
    tuning = tune()
    waiting = IndexJob.objects.filter(state=JobState.QUEUED)
    assert set(waiting.values_list("space", flat=True)) == {tuning.space} and waiting.count() == 2
    encode_all()
    assert index_status().views == 482

    heads_path(tuning.heads_digest).unlink()
    rollback_tuning("compact")
    assert active_space() == colours.space and index_status().views == 482, (
        "also when the tuned heads are gone"
    )


def test_tuning_again_goes_on_from_the_heads_in_use(colours: TunableEncoder) -> None:
    shop(colours.space.fingerprint)
    first = tune()
    second = tune()
    assert second.before == first.after, "the same products are held out"
    if second.state == TuningState.LIVE:
        assert second.previous == first and rollback_tuning("compact") == second
    assert active_space().fingerprint == first.space
    rollback_tuning("compact")
    assert active_space() == colours.space
    with pytest.raises(InputError, match="no tuning"):
        rollback_tuning("compact")


def test_spaces_of_older_tunings_are_dropped(colours: TunableEncoder) -> None:
    for space in ("newest", "previous", "older"):
        state = TuningState.LIVE if space == "newest" else TuningState.RETIRED
        Tuning.objects.create(
            preset="compact", base="base", state=state, space=space, heads_digest=space
        )
    for space in ("base", "newest", "previous", "older"):
        Embedding.objects.create(space=space, modality="text", content_hash="0" * 64, vector=b"")
    unused = find_unused_tuned_spaces("compact", {"newest", "previous", "base"})
    assert unused == {"older"}
    release.drop_space("older")
    assert set(Embedding.objects.values_list("space", flat=True)) == {"base", "newest", "previous"}


def test_clicked_queries_teach_what_the_catalogue_does_not_say(colours: TunableEncoder) -> None:
    fill_shop(300, space=colours.space.fingerprint, said=lambda n, colour: "plain")
    encode_all()
    build_generation()
    nicknames = {colour: f"{colour}ish thing to drink from" for colour in COLOURS}
    clicked = {}
    for number, product in enumerate(Product.objects.order_by("pk")):
        clicked[nicknames[list(COLOURS)[number % len(COLOURS)]], product.pk] = 2
    add_clicks(clicked)
    tuning = tune(from_clicks=True)
    assert "queries → pictures" in tuning.before, sorted(tuning.before)
    assert (
        tuning.after["queries → pictures"]["mAP"] > tuning.before["queries → pictures"]["mAP"] + 0.2
    )


def test_a_tuning_cut_off_at_the_last_step_leaves_everything_as_it_was(
    colours: TunableEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop(colours.space.fingerprint, 240)
    before = answers()

    def cut_off(space: Space) -> None:
        build_generation(space)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(release, "build_generation", cut_off)
        tune()
    assert Tuning.objects.get().state == TuningState.FAILED
    assert active_space() == colours.space and answers() == before
    assert tune().state == TuningState.LIVE
    assert answers() != before
