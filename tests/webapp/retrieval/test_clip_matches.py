"""An answer says at which second of a clip it was found."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from search.types import Evidence, Modality, Span, view_asset_id
from tests.webapp.retrieval.shop import add_clip, direction, make_shop, near
from webapp.catalog.models import AssetKind, Product
from webapp.retrieval.clip_matches import match_clips
from webapp.retrieval.models_runtime import active_space
from webapp.retrieval.query_media import write_token
from webapp.retrieval.search_query import SearchQuery
from webapp.retrieval.service import search_products

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_index")]

ASKED = 77


@pytest.fixture
def shop() -> list[Product]:
    return make_shop(12)


def request() -> SearchQuery:
    return SearchQuery(picture_token=write_token(direction(ASKED), active_space()), limit=5)


def found(product: Product) -> dict[str, Evidence]:
    hit = next(hit for hit in search_products(request()).hits if hit.product == product)
    return {evidence.modality.value: evidence for evidence in hit.evidence}


def test_evidence_has_the_seconds_of_the_part_that_matched(shop: list[Product]) -> None:
    sounds = [direction(1), direction(2), near(direction(ASKED), 3)]
    frames = [
        near(direction(ASKED), 4, 0.1),
        direction(5),
        near(direction(ASKED), 6, 0.2),
        direction(7),
    ]
    video = add_clip(shop[3], AssetKind.VIDEO, {Modality.AUDIO: sounds, Modality.VIDEO: frames})
    evidence = found(shop[3])
    assert (
        evidence["audio"].span == Span(2, 3)
        and view_asset_id(evidence["audio"].view_id) == video.pk
    )
    assert evidence["video"].view_id == video.pk, "the clip as a whole matched best"
    assert evidence["video"].span == Span(1, 2), "and is played from its best frame"
    assert evidence["text"].span is None


def test_of_several_clips_the_second_belongs_to_the_one_that_matched(shop: list[Product]) -> None:
    add_clip(
        shop[3],
        AssetKind.VIDEO,
        {Modality.VIDEO: [direction(1), near(direction(ASKED), 2, 0.4), direction(3)]},
    )
    whole = [
        near(direction(ASKED), 4, 0.1),
        direction(5),
        direction(6),
        near(direction(ASKED), 7, 1.0),
    ]
    clip = add_clip(shop[3], AssetKind.VIDEO, {Modality.VIDEO: whole})
    evidence = found(shop[3])["video"]
    assert (evidence.view_id, evidence.span) == (clip.pk, Span(2, 3))


def test_seconds_cost_one_query_a_page_and_none_without_clips(shop: list[Product]) -> None:
    def queries() -> int:
        search_products(request())
        with CaptureQueriesContext(connection) as captured:
            search_products(request())
        return len(captured)

    without = queries()
    for number in (3, 4, 5):
        add_clip(
            shop[number], AssetKind.AUDIO, {Modality.AUDIO: [near(direction(ASKED), number)] * 2}
        )
    assert queries() == without + 1


def test_every_moment_of_a_product_is_scored(shop: list[Product]) -> None:
    sounds = [direction(1), near(direction(ASKED), 3)]
    frames = [direction(4), near(direction(ASKED), 6), direction(7)]
    said = [near(direction(ASKED), 8), direction(9)]
    video = add_clip(
        shop[3],
        AssetKind.VIDEO,
        {Modality.TEXT: said, Modality.AUDIO: sounds, Modality.VIDEO: frames},
    )
    sound = add_clip(shop[3], AssetKind.AUDIO, {Modality.AUDIO: [direction(10)]})
    timelines = match_clips(request(), shop[3].pk)
    assert [(timeline.asset_id, timeline.modality) for timeline in timelines] == [
        (video.pk, Modality.TEXT),
        (video.pk, Modality.AUDIO),
        (video.pk, Modality.VIDEO),
        (sound.pk, Modality.AUDIO),
    ]
    assert [timeline.best.span for timeline in timelines[:3]] == [
        Span(0, 1),
        Span(1, 2),
        Span(0, 1),
    ]
    assert [moment.span.start for moment in timelines[1].matches] == [0, 1]
    assert timelines[1].best.standardised > timelines[3].best.standardised
    assert match_clips(request(), shop[4].pk) == () and match_clips(SearchQuery(), shop[3].pk) == ()
