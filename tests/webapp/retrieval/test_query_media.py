"""Audio and video as queries, and products found by their sounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.encoding.worker import EncodeWorker
from search.encoders.query_encoder import QueryEncoder
from search.errors import MediaTooLarge, MediaUnreadable, ModalityUnsupported, QueryError
from search.types import Modality
from tests.support.audio_encoder import ToneEncoder
from tests.support.catalogue import add_product, picture_bytes
from tests.support.encoders import ColourEncoder
from tests.support.tones import sounding_film, tone_file
from webapp.retrieval.clip_matches import match_clips
from webapp.retrieval.query_media import embed_clip_sound
from webapp.retrieval.results import SearchResult
from webapp.retrieval.search_query import SearchQuery
from webapp.retrieval.service import search_products

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(audio_encoder: ToneEncoder, tmp_path: Path) -> dict[str, int]:
    """Ids of products by sku: a bell and a horn that are only heard, a mug that is only seen, a
    film that is both."""
    space = audio_encoder.space.fingerprint
    film = sounding_film(tmp_path / "film.mkv", [(200, 0, 0)] * 3, [300, 2200, 300])
    products = (
        add_product("bell", title="bell", sounds=[tone_file([1500, 1510])], space=space),
        add_product("horn", title="horn", sounds=[tone_file([300, 305])], space=space),
        add_product("mug", title="mug", pictures=[picture_bytes(4)], space=space),
        add_product("film", title="a film of a kettle", videos=[film], space=space),
    )
    EncodeWorker(audio_encoder, "here:1:1").run()
    return {product.sku: product.pk for product in products}


def write_sound(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "query.wav"
    path.write_bytes(content)
    return path


def skus(result: SearchResult) -> list[str]:
    return [hit.product.sku for hit in result.hits]


def test_a_sound_finds_what_sounds_like_it(shop: dict[str, int], tmp_path: Path) -> None:
    result = search_products(SearchQuery(sound=write_sound(tmp_path, tone_file([1505]))))
    assert skus(result)[0] == "bell"
    assert result.hits[0].evidence[0].modality is Modality.AUDIO and result.hits[0].evidence[0].span
    again = search_products(SearchQuery(sound_token=result.sound_token))
    assert (
        skus(again) == skus(result)
        and again.sound_token == result.sound_token
        and not again.picture_token
    )
    assert [hit.score for hit in again.hits] == [hit.score for hit in result.hits]


def test_a_sound_in_a_video_is_found_with_its_timestamp(
    shop: dict[str, int], tmp_path: Path
) -> None:
    request = SearchQuery(sound=write_sound(tmp_path, tone_file([2200])))
    hit = search_products(request).hits[0]
    assert hit.product.sku == "film"
    heard = next(evidence for evidence in hit.evidence if evidence.modality is Modality.AUDIO)
    assert heard.span and heard.span.start >= 0.5 and heard.span.end <= 2.5
    timelines = {timeline.modality: timeline for timeline in match_clips(request, shop["film"])}
    assert set(timelines) == {Modality.AUDIO, Modality.VIDEO}
    assert timelines[Modality.AUDIO].best.span == heard.span


def test_text_and_sound_are_combined(shop: dict[str, int], tmp_path: Path) -> None:
    sound = write_sound(tmp_path, tone_file([302]))
    result = search_products(SearchQuery(text="a film of a kettle", sound=sound))
    assert set(skus(result)[:2]) == {"film", "horn"}
    film = next(hit for hit in result.hits if hit.product.sku == "film")
    assert {evidence.modality for evidence in film.evidence} == set(Modality) - {Modality.PICTURE}


def test_similar_products_are_found_by_sound(shop: dict[str, int]) -> None:
    assert skus(search_products(SearchQuery(similar_to=shop["horn"])))[0] == "film"


def test_the_sound_of_a_video_is_the_query(shop: dict[str, int], tmp_path: Path) -> None:
    path = tmp_path / "query.mkv"
    sounding_film(path, [(0, 0, 9)], [1505])
    assert skus(search_products(SearchQuery(sound=path)))[0] == "bell"


def test_silent_unreadable_and_long_sounds_are_rejected(
    shop: dict[str, int], tmp_path: Path
) -> None:
    for content, error in (
        (tone_file([0]), QueryError),
        (tone_file([300])[:20], MediaUnreadable),
        (tone_file([300] * 61), MediaTooLarge),
    ):
        with pytest.raises(error):
            search_products(SearchQuery(sound=write_sound(tmp_path, content)))


def test_an_encoder_without_an_audio_tower_rejects_sounds(tmp_path: Path) -> None:
    with pytest.raises(ModalityUnsupported, match="does not support audio"):
        embed_clip_sound(write_sound(tmp_path, tone_file([300])), QueryEncoder(ColourEncoder()))


def test_the_key_frames_of_a_video_are_the_query(
    audio_encoder: ToneEncoder, tmp_path: Path
) -> None:
    for sku, colour in (("red", (220, 10, 10)), ("blue", (10, 10, 220))):
        film = sounding_film(tmp_path / f"{sku}.mkv", [colour] * 2, [])
        add_product(
            sku, title=f"a {sku} film", videos=[film], space=audio_encoder.space.fingerprint
        )
    EncodeWorker(audio_encoder, "here:1:1").run()
    path = tmp_path / "query.mkv"
    sounding_film(path, [(200, 20, 20)], [])
    result = search_products(SearchQuery(video=path))
    assert skus(result)[0] == "red"
    assert (
        search_products(SearchQuery(picture_token=result.picture_token)).hits[0].score
        == result.hits[0].score
    )
