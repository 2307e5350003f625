from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image
from prometheus_client import REGISTRY

from indexer.encoding.worker import EncodeWorker
from tests.support.audio_encoder import ToneEncoder
from tests.support.catalogue import add_product
from tests.support.tones import tone_file
from tests.webapp.api.conftest import Caller
from tests.webapp.api.openapi import assert_conforms
from tests.webapp.retrieval.stored_shop import make_shop
from webapp.catalog.models import Asset, AssetKind, Product

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_index")]

SEARCH = "/api/v1/search"


def search(client: Client, **fields: Any) -> Any:
    return assert_conforms(client.post(SEARCH, fields, content_type="application/json"), "search")


def picture(colour: str = "red", format: str = "PNG") -> SimpleUploadedFile:
    content = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(content, format)
    return SimpleUploadedFile(f"query.{format.lower()}", content.getvalue())


def test_browsing_lists_the_newest_with_facets(client: Client) -> None:
    make_shop(8)
    product = Product.objects.get(sku="SKU-007")
    Asset.objects.create(
        product=product, kind=AssetKind.PICTURE, file="assets/ab/ab.png", content_hash="ab"
    )
    result = search(client, limit=3)
    assert [hit["sku"] for hit in result["hits"]] == ["SKU-007", "SKU-006", "SKU-005"]
    first, _, without_price = result["hits"]
    assert first["price"] == "17.00"
    assert first["url"] == "http://testserver/p/SKU-007/"
    assert first["pictures"] == ["http://testserver/media/assets/ab/ab.png"]
    assert without_price["price"] is None
    assert result["total"] == 8
    assert {facet["name"] for facet in result["facets"]} >= {"category", "brand", "attr:colour"}
    assert result["price_range"] == {"min": "10.00", "max": "17.00"}
    assert result["timings_ms"]


def test_pages_follow_each_other_and_belong_to_their_search(client: Client) -> None:
    make_shop(8)
    first = search(client, limit=5, facets=False)
    second = search(client, limit=5, facets=False, cursor=first["next_cursor"])
    assert len({hit["sku"] for page in (first, second) for hit in page["hits"]}) == 8
    assert second["next_cursor"] == ""
    other = client.post(
        SEARCH, {"cursor": first["next_cursor"], "sort": "price"}, content_type="application/json"
    )
    assert (other.status_code, other.json()["code"]) == (400, "bad_cursor")


def test_json_form_and_query_parameters_filter_alike(client: Client) -> None:
    make_shop(24)
    filters = {
        "category": "kitchen",
        "brands": ["Birch"],
        "price_min": "12",
        "price_max": 30,
        "in_stock": True,
        "attributes": {"colour": ["red", "blue"]},
    }
    by_json = search(client, filters=filters, sort="price")
    by_form = client.post(SEARCH, {"filters": json.dumps(filters), "sort": "price"}).json()
    query = {
        "category": "kitchen",
        "brand": "Birch",
        "price_min": "12",
        "price_max": "30",
        "in_stock": "true",
        "attr": ["colour:red", "colour:blue"],
        "sort": "price",
    }
    by_query = assert_conforms(client.get(SEARCH, query), "search_by_query")
    expected = list(
        Product.objects.filter(
            category__slug="mugs",
            brand="Birch",
            price__range=(12, 30),
            stock__gt=0,
            attribute_values__name="colour",
            attribute_values__value__in=["red", "blue"],
        )
        .order_by("price")
        .values_list("sku", flat=True)
    )
    assert expected
    for result in (by_json, by_form, by_query):
        assert [hit["sku"] for hit in result["hits"]] == expected


def test_a_text_ranks_products_with_evidence(client: Client) -> None:
    make_shop(6)
    before = (
        REGISTRY.get_sample_value("omnishelf_search_stage_seconds_count", {"stage": "total"}) or 0
    )
    result = search(client, text="red mug")
    assert len(result["hits"]) == 6
    scores = [hit["score"] for hit in result["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert result["hits"][0]["evidence"][0]["modality"] == "text"
    assert result["timings_ms"]["embed"] > 0
    assert (
        REGISTRY.get_sample_value("omnishelf_search_stage_seconds_count", {"stage": "total"})
        == before + 1
    )


def test_a_picture_token_stands_for_the_picture(client: Client) -> None:
    make_shop(6)
    result = assert_conforms(client.post(SEARCH, {"picture": picture(), "limit": "2"}), "search")
    assert len(result["hits"]) == 2
    assert result["picture_token"]
    again = search(
        client, picture_token=result["picture_token"], limit=2, cursor=result["next_cursor"]
    )
    assert len(again["hits"]) == 2
    assert {hit["sku"] for hit in again["hits"]}.isdisjoint(hit["sku"] for hit in result["hits"])


@pytest.mark.parametrize(
    ("file", "status"),
    [
        (SimpleUploadedFile("a.png", b"not a picture"), 415),
        (SimpleUploadedFile("a.jpg", b"\xff\xd8\xff\xe0 cut short"), 400),
        (SimpleUploadedFile("a.html", b"<html><script>alert(1)</script></html>"), 415),
        (SimpleUploadedFile("empty.png", b""), 400),
    ],
)
def test_a_file_that_is_not_a_picture_is_rejected(
    client: Client, file: SimpleUploadedFile, status: int
) -> None:
    file.seek(0)
    response = client.post(SEARCH, {"picture": file})
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"


def test_a_sound_query_and_its_matches_in_clips(client: Client, audio_encoder: ToneEncoder) -> None:
    for sku, pitches in (("bell", [1500, 1500]), ("horn", [300, 2000])):
        add_product(
            sku, title=sku, sounds=[tone_file(pitches)], space=audio_encoder.space.fingerprint
        )
    EncodeWorker(audio_encoder, "here:1:1").run()
    sound = SimpleUploadedFile("query.wav", tone_file([2000]))
    result = assert_conforms(client.post(SEARCH, {"sound": sound}), "search")
    first = result["hits"][0]
    assert first["sku"] == "horn" and first["evidence"][0]["modality"] == "audio"
    assert 0 < first["evidence"][0]["start"] < first["evidence"][0]["end"] == 2
    assert search(client, sound_token=result["sound_token"])["hits"] == result["hits"]
    response = client.get("/api/v1/products/horn/moments", {"sound_token": result["sound_token"]})
    (timeline,) = assert_conforms(response, "products_moments")["items"]
    best = max(timeline["moments"], key=lambda moment: moment["standardised"])
    assert (timeline["view"], best["start"]) == (
        first["evidence"][0]["view"],
        first["evidence"][0]["start"],
    )
    assert timeline["moments"] == sorted(timeline["moments"], key=lambda moment: moment["start"])


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"no sound at all", 415, "media_unsupported"),
        (tone_file([300])[:30], 400, "media_unreadable"),
        (tone_file([0]), 400, "query"),
    ],
)
def test_an_invalid_sound_is_rejected(
    client: Client, audio_encoder: ToneEncoder, content: bytes, status: int, code: str
) -> None:
    response = client.post(SEARCH, {"sound": SimpleUploadedFile("query.wav", content)})
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_similar_products_exclude_the_product(client: Client, caller: Caller) -> None:
    make_shop(8)
    result = assert_conforms(
        client.get("/api/v1/products/SKU-000/similar", {"limit": 3}), "products_similar"
    )
    assert len(result["hits"]) == 3
    assert "SKU-000" not in {hit["sku"] for hit in result["hits"]}
    assert client.get("/api/v1/products/NONE/similar").status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_page(client: Client) -> None:
    make_shop(30)
    search(client)
    counts = []
    for limit in (2, 30):
        with CaptureQueriesContext(connection) as queries:
            search(client, limit=limit)
        counts.append(len(queries))
    assert counts[0] == counts[1]
