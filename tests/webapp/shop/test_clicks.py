"""From a results page to the click log."""

from __future__ import annotations

import html
import re
import time
from typing import Any

import pytest
from django.core.cache import caches
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from search.config import read_settings
from search.errors import ConfigError
from tests.support.encoders import ColourEncoder
from tests.webapp.shop.shelf import stock
from webapp.catalog.models import Product
from webapp.config import WebSettings
from webapp.shop.click_guard import CLICKS_PER_WINDOW
from webapp.shop.click_token import LIFETIME, ClickTokens
from webapp.shop.models import ClickCount
from webapp.shop.views import clicks as clicks_view

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    caches["clicks"].clear()


@pytest.fixture
def mug() -> Product:
    return Product.objects.create(sku="M", title="Red mug")


def send(client: Client, token: str, **extra: Any) -> int:
    return client.post(
        "/clicks", token, content_type="text/plain;charset=UTF-8", **extra
    ).status_code


def counted() -> list[tuple[str, str, int]]:
    return list(
        ClickCount.objects.order_by("query", "product__sku").values_list(
            "query", "product__sku", "count"
        )
    )


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
    assert send(client, found[2]) == 204
    assert counted() == [("blue mug", found[1], 1)]
    assert ClickCount.objects.get().day == timezone.now().date()


def test_only_words_alone_are_counted(
    client: Client, encoder: ColourEncoder, settings: Any
) -> None:
    stock(encoder, 3)
    assert len(tokens(client, "/search?q=mug")) == 3
    with_picture = client.post("/search", {"asset": encoder_picture()})["Location"]
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


def encoder_picture() -> int:
    return int(Product.objects.get(sku="P-0").assets.get(kind="picture").pk)


def test_switched_off_nothing_is_stored(client: Client, mug: Product, settings: Any) -> None:
    settings.CLICK_LOG = False
    assert send(client, ClickTokens("mug").write(mug.pk)) == 404
    assert counted() == []


def test_a_token_counts_once_and_a_reload_does_not_add(client: Client, mug: Product) -> None:
    page = ClickTokens("mug")
    statuses = [send(client, page.write(mug.pk)) for _ in range(2)]
    statuses += [send(client, page.write(mug.pk), REMOTE_ADDR="192.0.2.1")]
    statuses += [send(client, ClickTokens("mug").write(mug.pk))]
    assert statuses == [204] * 4
    assert counted() == [("mug", "M", 1)]
    send(client, ClickTokens("mug").write(mug.pk), REMOTE_ADDR="192.0.2.1")
    send(client, ClickTokens("red mug").write(mug.pk))
    assert counted() == [("mug", "M", 2), ("red mug", "M", 1)]


@pytest.mark.parametrize(
    "token", ["", "forged", "WyJhIiwibXVnIiwxXQ:1tXyzA:AAAA", "é\0\ud83d\ude00"]
)
def test_a_forged_token_is_refused(client: Client, token: str) -> None:
    assert send(client, token.encode("utf-8", "surrogatepass")) == 400


def test_a_token_for_another_product_or_of_another_kind_is_refused(
    client: Client, mug: Product
) -> None:
    content, rest = ClickTokens("mug").write(mug.pk).split(":", 1)
    other = ClickTokens("mug").write(mug.pk + 1).split(":", 1)[0]
    assert send(client, f"{other}:{rest}") == 400
    assert send(client, f"{content}:{rest}") == 204
    assert counted() == [("mug", "M", 1)]


def test_an_old_token_is_refused(
    client: Client, mug: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = ClickTokens("mug").write(mug.pk)
    later = time.time() + LIFETIME.total_seconds()
    monkeypatch.setattr(time, "time", lambda: later + 2)
    assert send(client, token) == 400
    monkeypatch.setattr(time, "time", lambda: later - 2)
    assert send(client, token) == 204


def test_foreign_pages_and_long_bodies_are_refused(client: Client, mug: Product) -> None:
    token = ClickTokens("mug").write(mug.pk)
    assert send(client, token, headers={"Sec-Fetch-Site": "cross-site"}) == 403
    assert send(client, "x" * 5000) == 413
    assert client.get("/clicks").status_code == 405
    assert counted() == []
    # A browser's own page needs no CSRF cookie: the results may come from a cache.
    strict = Client(enforce_csrf_checks=True, headers={"Sec-Fetch-Site": "same-origin"})
    assert send(strict, token) == 204


def test_nobody_clicks_too_often(client: Client, mug: Product) -> None:
    statuses = [
        send(client, ClickTokens(f"mug {n}").write(mug.pk)) for n in range(CLICKS_PER_WINDOW + 2)
    ]
    assert statuses == [204] * CLICKS_PER_WINDOW + [429] * 2
    assert ClickCount.objects.count() == CLICKS_PER_WINDOW
    assert send(client, ClickTokens("mug").write(mug.pk), REMOTE_ADDR="192.0.2.1") == 204


@pytest.mark.django_db(transaction=True)
def test_a_product_that_is_gone(client: Client, mug: Product) -> None:
    token = ClickTokens("mug").write(mug.pk)
    mug.delete()
    assert send(client, token) == 404


def test_a_log_that_cannot_be_written_is_told_and_no_more(
    client: Client, mug: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(clicks: object) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(clicks_view, "clicks_add", away)
    assert send(client, ClickTokens("mug").write(mug.pk)) == 503


def test_the_admin_searches_adds_up_and_changes_nothing(admin_client: Client, mug: Product) -> None:
    for query, count in (("red mug", 1200), ("blue mug", 34), ("lamp", 5)):
        ClickCount.objects.create(query=query, product=mug, day=timezone.now().date(), count=count)
    address = reverse("admin:shop_clickcount_changelist")
    assert "1,239 clicks in what is shown" in admin_client.get(address).content.decode()
    page = admin_client.get(address, {"q": "mug blue"}).content.decode()
    assert "34 clicks in what is shown" in page
    assert "lamp" not in page
    chinese = admin_client.get(address, headers={"Accept-Language": "zh-CN"}).content.decode()
    assert "此处显示的共 1239 次点击" in chinese
    row = ClickCount.objects.get(query="lamp")
    assert admin_client.get(reverse("admin:shop_clickcount_add")).status_code == 403
    admin_client.post(
        reverse("admin:shop_clickcount_change", args=[row.pk]), {"query": "other", "count": 9}
    )
    row.refresh_from_db()
    assert (row.query, row.count) == ("lamp", 5)


@pytest.mark.parametrize(("value", "counts"), [("on", True), ("off", False)])
def test_the_setting_is_on_or_off(
    value: str, counts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMNISHELF_CLICK_LOG", value)
    assert read_settings(WebSettings).click_log is counts


@pytest.mark.parametrize(("name", "value"), [("CLICK_LOG", "perhaps"), ("CLICK_LOG_DAYS", "0")])
def test_a_wrong_setting_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"OMNISHELF_{name}", value)
    with pytest.raises(ConfigError, match=f"OMNISHELF_{name}"):
        read_settings(WebSettings)
