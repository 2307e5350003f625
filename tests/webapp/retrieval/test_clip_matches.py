"""Timestamps of matches in clips."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from search.types import Evidence, Modality, Span, view_asset_id
from tests.webapp.retrieval.stored_shop import add_clip, direction, make_shop, near
from webapp.catalog.models import AssetKind, Product
from webapp.retrieval.clip_matches import match_clips
from webapp.retrieval.models_runtime import active_space
from webapp.retrieval.query_media import write_token
from webapp.retrieval.search_query import SearchQuery
from webapp.retrieval.service import search_products

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_index")]

QUERY = 77


@pytest.fixture
def shop() -> list[Product]:
    return make_shop(12)


def request() -> SearchQuery:
    return SearchQuery(picture_token=write_token(direction(QUERY), active_space()), limit=5)


def evidence_of(product: Product) -> dict[str, Evidence]:
    hit = next(hit for hit in search_products(request()).hits if hit.product == product)
    return {evidence.modality.value: evidence for evidence in hit.evidence}


def test_evidence_has_the_span_of_the_matching_part(shop: list[Product]) -> None:
    sounds = [direction(1), direction(2), near(direction(QUERY), 3)]
    frames = [
        near(direction(QUERY), 4, 0.1),
        direction(5),
        near(direction(QUERY), 6, 0.2),
        direction(7),
    ]
    video = add_clip(shop[3], AssetKind.VIDEO, {Modality.AUDIO: sounds, Modality.VIDEO: frames})
    evidence = evidence_of(shop[3])
    assert (
        evidence["audio"].span == Span(2, 3)
        and view_asset_id(evidence["audio"].view_id) == video.pk
    )
    assert evidence["video"].view_id == video.pk, "the clip as a whole matched best"
    assert evidence["video"].span == Span(1, 2), "and is played from its best frame"
    assert evidence["text"].span is None


def test_the_span_belongs_to_the_clip_that_matched(shop: list[Product]) -> None:
    add_clip(
        shop[3],
        AssetKind.VIDEO,
        {Modality.VIDEO: [direction(1), near(direction(QUERY), 2, 0.4), direction(3)]},
    )
    whole = [
        near(direction(QUERY), 4, 0.1),
        direction(5),
        direction(6),
        near(direction(QUERY), 7, 1.0),
    ]
    clip = add_clip(shop[3], AssetKind.VIDEO, {Modality.VIDEO: whole})
    evidence = evidence_of(shop[3])["video"]
    assert (evidence.view_id, evidence.span) == (clip.pk, Span(2, 3))


def test_spans_cost_one_database_query_per_page_and_none_without_clips(shop: list[Product]) -> None:
    def queries() -> int:
        search_products(request())
        with CaptureQueriesContext(connection) as captured:
            search_products(request())
        return len(captured)

    without = queries()
    for number in (3, 4, 5):
        add_clip(
            shop[number], AssetKind.AUDIO, {Modality.AUDIO: [near(direction(QUERY), number)] * 2}
        )
    assert queries() == without + 1


def test_every_part_of_a_clip_is_scored(shop: list[Product]) -> None:
    sounds = [direction(1), near(direction(QUERY), 3)]
    frames = [direction(4), near(direction(QUERY), 6), direction(7)]
    subtitles = [near(direction(QUERY), 8), direction(9)]
    video = add_clip(
        shop[3],
        AssetKind.VIDEO,
        {Modality.TEXT: subtitles, Modality.AUDIO: sounds, Modality.VIDEO: frames},
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
