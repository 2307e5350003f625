"""Which results pages carry click tokens, and the way from a card to a counted click."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from django.utils import timezone

from tests.support.encoders import ColourEncoder
from tests.webapp.shop.stock import stock
from webapp.catalog.models import Product
from webapp.clicklog.models import ClickCount

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    caches["clicks"].clear()


def tokens(client: Client, address: str) -> list[str]:
    return [
        html.unescape(token)
        for token in re.findall(r'data-click="(.*?)"', client.get(address).content.decode())
    ]


def test_a_product_opened_from_the_results_is_counted(
    client: Client, encoder: ColourEncoder
) -> None:
    stock(encoder, 3)
    page = client.get("/search?q=%20Blue%20%20MUG").content.decode()
    assert 'data-clicks="/clicks"' in page
    found = re.search(r'href="/p/(.*?)/" data-click="(.*?)"', page)
    assert found is not None
    assert client.post("/clicks", found[2], content_type="text/plain").status_code == 204
    row = ClickCount.objects.get()
    assert (row.query, row.product.sku, row.count) == ("blue mug", found[1], 1)
    assert row.day == timezone.now().date()


def test_only_text_queries_carry_tokens(
    client: Client, encoder: ColourEncoder, settings: Any
) -> None:
    stock(encoder, 3)
    assert len(tokens(client, "/search?q=mug")) == 3
    with_picture = client.post("/search", {"asset": picture_id()})["Location"]
    for address in (
        "/",
        "/search",
        "/search?like=P-0",
        "/c/mugs/",
        "/p/P-0/",
        with_picture,
        f"{with_picture}&q=mug",
    ):
        assert tokens(client, address) == [], address
    assert tokens(client, "/search?q=" + "mug+" * 60) == []
    settings.CLICK_LOG = False
    assert tokens(client, "/search?q=mug") == []


def picture_id() -> int:
    return int(Product.objects.get(sku="P-0").assets.get(kind="picture").pk)
