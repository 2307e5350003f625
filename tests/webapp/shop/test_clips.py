"""Clips on result cards and on the product page, at the matching second."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.test import Client
from django.utils import timezone, translation
from pytest_django import DjangoAssertNumQueries

from search.errors import Unavailable
from search.types import Modality, Span, TextRole, Vectors
from tests.support.encoders import ColourEncoder
from tests.webapp.shop.stock import stock, store
from webapp.catalog.models import Asset, AssetKind, ClipPreview, Embedding, Product
from webapp.catalog.models.spans import spans_pack
from webapp.catalog.services.assets import make_file_assets
from webapp.catalog.services.index_sequence import mark_changed
from webapp.catalog.services.previews import SUBTITLES, preview_path
from webapp.shop import search_context
from webapp.shop.clips import waveform_intervals, waveform_path
from webapp.shop.timecodes import format_clock, format_clock_within, format_spoken, media_fragment

pytestmark = pytest.mark.django_db

SHOWN = ("white", "blue", "yellow")
"""Two seconds each."""


@pytest.fixture
def film(encoder: ColourEncoder) -> Asset:
    """A video of a product that is otherwise texts to be red, encoded and with its preview."""
    stock(encoder)
    return add_clip(
        Product.objects.get(sku="P-0"), AssetKind.VIDEO, ".mp4", {Modality.VIDEO: colours(encoder)}
    )


def colours(encoder: ColourEncoder) -> Vectors:
    """Of each colour shown, where its name is."""
    return encoder.encode_texts(SHOWN, TextRole.DOCUMENT)


def add_clip(
    product: Product, kind: AssetKind, suffix: str, views: dict[Modality, Vectors]
) -> Asset:
    [asset] = make_file_assets(product, [store(f"{product.sku}{suffix}".encode(), kind, suffix)])
    asset.position, asset.duration_s = 1, 6.0
    asset.save()
    spans = [Span(2.0 * number, 2.0 * number + 2) for number in range(len(SHOWN))]
    for modality, vectors in views.items():
        Embedding.objects.create(
            space=Embedding.objects.values_list("space", flat=True)[0],
            modality=modality,
            content_hash=asset.content_hash,
            vector=Embedding.pack(vectors),
            spans=spans_pack(spans),
        )
    ClipPreview.objects.create(
        content_hash=asset.content_hash,
        made_at=timezone.now(),
        duration_s=6.0,
        spans=spans_pack(spans if kind == AssetKind.VIDEO else []),
        peaks=bytes(range(240)),
    )
    with transaction.atomic():
        mark_changed([product.pk])
    return asset


def card(page: str, product: Product) -> str:
    return page[page.index(f'id="hit-{product.pk}"') :].split("</li>")[0]


def link_url(page: str, product: Product) -> str:
    """The address that a product's card leads to."""
    link = re.search(r'class="card-link" href="([^"]+)"', card(page, product))
    assert link is not None
    return unescape(link[1])


def test_a_card_shows_the_timestamp_and_links_to_it(client: Client, film: Asset) -> None:
    page = client.get("/search?q=blue").content.decode()
    shown = card(page, film.product)
    assert "at 0:02" in shown and "Seen in the video at 2 seconds" in shown
    assert f"/previews/{film.content_hash}/frame-1.webp" in shown
    link = urlsplit(link_url(page, film.product))
    assert link.path == "/p/P-0/" and link.fragment == f"clip-{film.pk}"
    assert parse_qs(link.query) == {"q": ["blue"], "clip": [str(film.pk)], "t": ["2"]}
    page = client.get(link.geturl()).content.decode()
    assert f'src="{film.file.url}#t=2"' in page and f'id="{link.fragment}"' in page
    assert f'poster="/previews/{film.content_hash}/frame-1.webp"' in page
    assert "Starts at 0:02.0" in page
    assert '<link rel="canonical" href="http://testserver/p/P-0/">' in page


def test_a_product_without_pictures_shows_a_key_frame(client: Client, film: Asset) -> None:
    Asset.objects.filter(product=film.product, kind=AssetKind.PICTURE).delete()
    page = client.get("/search").content.decode()
    assert f"/previews/{film.content_hash}/frame-0.webp" in card(page, film.product)
    assert "#clip" not in link_url(page, film.product)


def frames(page: str) -> list[str]:
    return re.findall(r'<a class="frame" .*?</a>', page)


def test_key_frames_link_to_their_seconds_and_mark_matches(client: Client, film: Asset) -> None:
    strip = frames(client.get("/p/P-0/?q=blue").content.decode())
    starts = [re.findall('href="[^"]*#t=([0-9.]+)" data-seek="([0-9.]+)"', item) for item in strip]
    assert starts == [[("0", "0")], [("2", "2")], [("4", "4")]]
    assert ["best match" in frame and "data-best" in frame for frame in strip] == [
        False,
        True,
        False,
    ]
    assert ["Scene at 4 seconds" in frame for frame in strip] == [False, False, True]


@pytest.mark.parametrize(
    "parameters",
    [
        "",
        "?q=",
        "?picture_token=forged",
        "?q=%00",
        "?clip=7&t=nan",
        "?clip=x&t=1",
        "?price_min=x&q=blue",
    ],
)
def test_without_a_query_the_player_starts_at_the_beginning(
    client: Client, film: Asset, parameters: str
) -> None:
    page = client.get(f"/p/P-0/{parameters}").content.decode()
    assert f'src="{film.file.url}"' in page
    assert len(frames(page)) == 3 and "data-best" not in page and "data-marked" not in page


def test_the_page_loads_without_the_encoder(
    client: Client, film: Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise Unavailable("the encoder is not available")

    monkeypatch.setattr(search_context, "match_clips", fail)
    page = client.get(f"/p/P-0/?q=blue&clip={film.pk}&t=2.00").content.decode()
    assert f'src="{film.file.url}#t=2"' in page and "data-best" not in page


def test_a_sound_marks_where_it_matches(
    client: Client, film: Asset, encoder: ColourEncoder
) -> None:
    sound = add_clip(film.product, AssetKind.AUDIO, ".wav", {Modality.AUDIO: colours(encoder)})
    page = client.get("/p/P-0/?q=blue").content.decode()
    part = page[page.index(f'id="clip-{sound.pk}"') :].split("</figure>")[0]
    assert f'<audio controls preload="metadata" src="{sound.file.url}#t=2"' in part
    assert 'class="wave-edge" x="80.0" y="0" width="80.0"' in part
    assert (
        "Heard at 0:02.0" in part
        and f'src="/previews/{sound.content_hash}/spectrogram.webp"' in part
    )
    other = client.get("/p/P-0/?q=blue", headers={"Accept-Language": "zh-CN"}).content.decode()
    assert "在 0:02.0 处听到" in other and "最佳匹配" in other


def test_files_that_browsers_cannot_play_are_offered_for_download(
    client: Client, film: Asset, encoder: ColourEncoder
) -> None:
    for suffix in (".avi", ".gif"):
        add_clip(film.product, AssetKind.VIDEO, suffix, {Modality.VIDEO: colours(encoder)})
    page = client.get("/p/P-0/?q=blue").content.decode()
    assert page.count("<video") == 1 and len(frames(page)) == 3
    assert page.count('<span class="frame"') == 6 and page.count("data-best") == 3
    assert "Play the animation" in page


def test_a_partly_unreadable_clip_shows_its_readable_part(client: Client, film: Asset) -> None:
    Asset.objects.filter(pk=film.pk).update(error="it broke off")
    assert len(frames(client.get("/p/P-0/").content.decode())) == 3
    ClipPreview.objects.update(spans=b"", peaks=b"")
    assert "<video" not in client.get("/p/P-0/").content.decode()


def test_subtitles_are_offered(client: Client, film: Asset) -> None:
    ClipPreview.objects.update(subtitled=True)
    default_storage.save(preview_path(film.content_hash, SUBTITLES), ContentFile(b"WEBVTT\n"))
    page = client.get("/p/P-0/").content.decode()
    [url] = re.findall(r'<track kind="captions" src="([^"]+)"', page)
    response = client.get(url)
    assert response.getvalue() == b"WEBVTT\n"
    assert response["Content-Type"] == "text/vtt; charset=utf-8"


def test_only_a_lost_preview_is_made_again(client: Client, film: Asset) -> None:
    folder = f"/previews/{film.content_hash}/"
    for other in ("frame-3.webp", SUBTITLES, "other.webp"):
        assert client.get(folder + other).status_code == 404
    assert ClipPreview.objects.exists()
    assert client.get(folder + "frame-2.webp").status_code == 404
    assert not ClipPreview.objects.exists()


def test_the_number_of_queries_does_not_grow(
    client: Client,
    film: Asset,
    encoder: ColourEncoder,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    def more(sku: str, kind: AssetKind, suffix: str, modality: Modality) -> None:
        add_clip(Product.objects.get(sku=sku), kind, suffix, {modality: colours(encoder)})
        client.get("/search?q=blue")

    more("P-3", AssetKind.VIDEO, ".mp4", Modality.VIDEO)
    query_counts = {}
    for address in ("/search?q=blue", "/p/P-0/?q=blue"):
        with django_assert_max_num_queries(40) as few:
            client.get(address)
        query_counts[address] = len(few.captured_queries)
    more("P-0", AssetKind.AUDIO, ".wav", Modality.AUDIO)
    more("P-6", AssetKind.VIDEO, ".mp4", Modality.VIDEO)
    for address, queries in query_counts.items():
        with django_assert_max_num_queries(queries):
            client.get(address)


def test_time_formats() -> None:
    assert [format_clock(at) for at in (0, 12.9, 72, 3661)] == ["0:00", "0:12", "1:12", "1:01:01"]
    assert [format_clock_within(2.46, length) for length in (0, 6, 60)] == [
        "0:02",
        "0:02.4",
        "0:02",
    ]
    spoken = [format_spoken(at) for at in (0, 1.5, 60, 72, 121)]
    assert spoken == [
        "0 seconds",
        "1 second",
        "1 minute",
        "1 minute 12 seconds",
        "2 minutes 1 second",
    ]
    with translation.override("zh-hans"):
        assert format_spoken(72) == "1 分 12 秒"
    assert [media_fragment(at) for at in (0, 12, 12.25, 3.3333, float(np.float32(5.28)))] == [
        "#t=0",
        "#t=12",
        "#t=12.25",
        "#t=3.334",
        "#t=5.28",
    ]


def test_waveform_path_and_matching_intervals() -> None:
    assert waveform_path(b"") == ""
    assert waveform_path(bytes([0, 255])) == "M60 49v2M180 2v96"
    overlapping = [Span(1, 2), Span(1.5, 3), Span(8, 99)]
    assert waveform_intervals(overlapping, 10) == ((24.0, 48.0), (192.0, 48.0))
    assert waveform_intervals(overlapping, 0) == ()
