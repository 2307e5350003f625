"""The product page."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from search.errors import Unavailable
from tests.support.encoders import ColourEncoder
from tests.webapp.shop.stock import picture_bytes, stock, store
from webapp.catalog.models import AssetKind, Product
from webapp.catalog.services.assets import make_file_assets
from webapp.shop.views import product as product_view

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelf(encoder: ColourEncoder) -> list[Product]:
    return stock(encoder)


def structured(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_facts_breadcrumb_and_similar_products(client: Client, shelf: list[Product]) -> None:
    page = client.get("/p/P-3/").content.decode()
    assert '<h1 id="product-title">red lamp 3</h1>' in page
    assert "€13.00" in page
    assert 'href="/c/lamps/"' in page
    assert "Colour</th><td>red" in page
    similar = page[page.index("Similar products") :]
    assert 'href="/p/P-3/"' not in similar
    assert similar.count('class="card"') == 10


def test_prices_and_texts_follow_the_language(client: Client, shelf: list[Product]) -> None:
    Product.objects.filter(sku="P-2").update(price="1234.50", currency="CNY", stock=0)
    page = client.get("/p/P-2/", headers={"Accept-Language": "zh-CN"}).content.decode()
    assert '<html lang="zh-hans">' in page
    assert "商品2" in page
    assert "¥1,234.50" in page
    assert "缺货" in page
    assert "颜色</th><td>蓝色" in page
    assert "马克杯" in page


def test_structured_data_cannot_end_its_script_element(
    client: Client, shelf: list[Product]
) -> None:
    title = "Mug</script><script>alert(1)</script> & more"
    Product.objects.filter(sku="P-0").update(title=title)
    page = client.get("/p/P-0/").content.decode()
    facts = structured(page)
    assert facts["name"] == title
    assert facts["offers"]["price"] == "10.00"
    assert facts["offers"]["availability"].endswith("OutOfStock")
    assert facts["image"][0].startswith("http://testserver/media/assets/")
    assert "<script>alert" not in page


def test_sounds_and_videos_can_be_played(client: Client, shelf: list[Product]) -> None:
    files = [store(b"RIFF sound", AssetKind.AUDIO, ".wav"), store(b"film", AssetKind.VIDEO, ".mp4")]
    for asset in make_file_assets(shelf[0], files):
        asset.save()
    page = client.get("/p/P-0/").content.decode()
    assert re.search(r'<audio controls preload="metadata" src="/media/assets/.*\.wav"', page)
    assert re.search(r'<video controls .* src="/media/assets/.*\.mp4"', page)


def test_hidden_and_unknown_products_are_not_found(client: Client, shelf: list[Product]) -> None:
    Product.objects.filter(sku="P-0").update(visible=False)
    assert client.get("/p/P-0/").status_code == 404
    response = client.get("/p/nothing/")
    assert response.status_code == 404
    assert "Page not found" in response.content.decode()


def test_a_sku_can_contain_slashes_and_spaces(client: Client, encoder: ColourEncoder) -> None:
    Product.objects.create(sku="A/B 1?", title="Odd one")
    listed = re.search(r'href="(/p/.*?)"', client.get("/search").content.decode())
    assert listed is not None
    assert "Odd one" in client.get(listed[1]).content.decode()


def test_the_page_loads_without_the_index(
    client: Client, shelf: list[Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(request: object) -> None:
        raise Unavailable("the index is not available")

    monkeypatch.setattr(product_view, "search_products", fail)
    response = client.get("/p/P-3/")
    assert response.status_code == 200
    assert "Similar products" not in response.content.decode()


def test_the_number_of_queries_does_not_grow(
    client: Client, shelf: list[Product], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(20) as few:
        client.get("/p/P-0/")
    query_count = len(few.captured_queries)
    for asset in make_file_assets(
        shelf[0], [store(picture_bytes(colour)) for colour in ("cyan", "teal", "gold")]
    ):
        asset.position += 1
        asset.save()
    with django_assert_max_num_queries(query_count):
        client.get("/p/P-0/")
