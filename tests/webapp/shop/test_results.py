"""The results page."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.support.encoders import ColourEncoder
from tests.webapp.shop.stock import picture_bytes, stock
from webapp.catalog.models import Asset, AssetKind, Product

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelf(encoder: ColourEncoder) -> list[Product]:
    return stock(encoder)


def titles(response: Any) -> list[str]:
    return re.findall(r'<span class="card-title">(.*?)</span>', response.content.decode())


def upload(colour: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("mine.png", picture_bytes(colour, side=200), "image/png")


def test_a_text_finds_products(client: Client, shelf: list[Product]) -> None:
    response = client.get("/search", {"q": "blue lamp"})
    assert "lamp" in titles(response)[0]
    assert "blue" in titles(response)[0]
    assert b"Matches the words" in response.content


def test_without_a_query_the_newest_products_come_first(
    client: Client, shelf: list[Product]
) -> None:
    assert titles(client.get("/search"))[0] == "blue lamp 11"


def test_chips_remove_filters(client: Client, shelf: list[Product]) -> None:
    response = client.get("/search?brand=Alder&attr:colour=red&price_max=20&in_stock=on")
    assert titles(response) == ["red mug 6"]
    chips = re.findall(r'class="chip" href="(.*?)"', response.content.decode())
    assert len(chips) == 4
    assert "/search?attr%3Acolour=red&amp;price_max=20&amp;in_stock=on" in chips


def test_a_category_includes_its_descendants(client: Client, shelf: list[Product]) -> None:
    response = client.get("/c/kitchen/")
    assert len(titles(response)) == 6
    assert "<h1>Kitchen" in response.content.decode()
    assert client.get("/c/nowhere/").status_code == 404


def test_an_uploaded_picture_becomes_a_url_that_can_be_filtered(
    client: Client, shelf: list[Product]
) -> None:
    response = client.post("/search", {"picture": upload("green"), "q": ""})
    assert response.status_code == 302
    page = client.get(response["Location"])
    assert titles(page)[0].startswith("green")
    assert b"Seen in the picture" in page.content
    assert b'src="data:image/webp;base64,' in page.content
    narrower = client.get(response["Location"] + "&brand=Birch")
    assert len(titles(narrower)) == 6
    assert titles(narrower)[0].startswith("green")


def test_a_picture_and_text_together(client: Client, shelf: list[Product]) -> None:
    response = client.post("/search", {"picture": upload("red"), "q": "lamp"}, follow=True)
    assert response.redirect_chain[0][0].startswith("/search?q=lamp&picture_token=")
    page = response.content.decode()
    assert "Like your picture, and “lamp”" in page
    assert "Matches the words" in page
    assert "Seen in the picture" in page


def test_a_picture_of_the_shop_can_be_the_query(client: Client, shelf: list[Product]) -> None:
    asset = Asset.objects.get(product=shelf[2], kind=AssetKind.PICTURE)
    response = client.post("/search", {"asset": asset.pk}, follow=True)
    assert titles(response)[0].startswith("blue")


def test_similar_products_exclude_the_product(client: Client, shelf: list[Product]) -> None:
    response = client.get("/search?like=P-0")
    assert len(titles(response)) == 11
    assert "red mug 0" not in titles(response)


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"broken" * 20, 422, "cannot be read"),
        (b"", 422, "cannot be read"),
        (b"%PDF-1.7 no picture", 415, "not a picture"),
        (b"RIFF\0\0\0\0WAVEfmt ", 415, "not a picture"),
    ],
)
def test_files_that_are_not_pictures_are_rejected(
    client: Client, content: bytes, status: int, words: str, encoder: Any
) -> None:
    response = client.post("/search", {"picture": SimpleUploadedFile("x.png", content)})
    assert response.status_code == status
    assert words in response.content.decode()


def test_a_body_over_the_limit_is_rejected_before_it_is_read(
    client: Client, encoder: Any, settings: Any
) -> None:
    settings.ENGINE = settings.ENGINE.model_copy(update={"picture_max_bytes": 1024})
    content = b"\x89PNG\r\n\x1a\n" + b"x" * 200_000
    response = client.post("/search", {"picture": SimpleUploadedFile("x.png", content)})
    assert response.status_code == 413


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("price_min=9&price_max=2", "lowest price is above"),
        ("picture_token=forged.AAAA:xyz", "Send it again"),
        ("cursor=forged", "Back to the first page"),
        ("category=nowhere", "This search does not work"),
        ("q=%00", "Null characters"),
        ("q=" + "a" * 1001, "at most 1000"),
    ],
)
def test_invalid_parameters_show_an_error_page(
    client: Client, encoder: Any, query: str, words: str
) -> None:
    response = client.get(f"/search?{query}")
    assert response.status_code == 400
    assert words in response.content.decode()


@pytest.mark.parametrize("form", [{"asset": "one"}, {"asset": "9" * 40}, {"asset": "0"}])
def test_unknown_assets_are_not_found(client: Client, encoder: Any, form: dict[str, str]) -> None:
    assert client.post("/search", form).status_code in {400, 404}


def test_an_empty_result_gives_advice(client: Client, shelf: list[Product]) -> None:
    response = client.get("/search?brand=Nobody")
    assert response.status_code == 200
    assert "Remove the filters" in response.content.decode()


def test_the_next_page_is_appended_in_place(client: Client, encoder: ColourEncoder) -> None:
    stock(encoder, 30)
    first = client.get("/search?sort=price")
    more = re.search(r'id="load-more"[^>]*href="(.*?)"', first.content.decode())
    assert more is not None
    second = client.get(more[1].replace("&amp;", "&"))
    assert titles(first) + titles(second) == [
        product.title for product in Product.objects.order_by("price")
    ]
    assert "Back to the first page" in second.content.decode()
    assert b'name="brand"' in second.content


def test_a_partial_update_pushes_the_url_of_its_page(client: Client, shelf: list[Product]) -> None:
    response = client.get(
        "/search?q=mug&brand=&price_min=&sort=relevance", headers={"HX-Request": "true"}
    )
    assert response["HX-Push-Url"] == "/search?q=mug"


def test_a_product_that_was_just_hidden_is_not_shown(client: Client, shelf: list[Product]) -> None:
    before = titles(client.get("/search"))
    Product.objects.filter(title=before[0]).update(visible=False)
    assert before[0] not in titles(client.get("/search"))


@pytest.mark.parametrize("path", ["/search?q=mug", "/c/kitchen/?brand=Alder", "/search?like=P-1"])
def test_the_number_of_queries_does_not_grow(
    client: Client,
    encoder: ColourEncoder,
    path: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    stock(encoder, 8)
    client.get(path)
    with django_assert_max_num_queries(60) as few:
        client.get(path)
    query_count = len(few.captured_queries)
    stock(encoder, 16, first=8)
    client.get(path)
    with django_assert_max_num_queries(query_count):
        client.get(path)
