"""The endpoint that counts clicks, and the click log in the admin."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.core.cache import cache, caches
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from search.config import read_settings
from search.errors import ConfigError
from webapp.catalog.models import Product
from webapp.clicklog import views
from webapp.clicklog.guard import MAX_CLICKS_PER_WINDOW
from webapp.clicklog.models import ClickCount
from webapp.clicklog.tokens import TOKEN_LIFETIME, ClickTokens
from webapp.config import WebSettings

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clean(settings: Any) -> None:
    """No click was counted before, and static files need no manifest."""
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": static}
    cache.clear()
    caches["clicks"].clear()


@pytest.fixture
def mug() -> Product:
    return Product.objects.create(sku="M", title="Red mug")


def send(client: Client, token: str | bytes, **extra: Any) -> int:
    return client.post(
        "/clicks", token, content_type="text/plain;charset=UTF-8", **extra
    ).status_code


def counted() -> list[tuple[str, str, int]]:
    return list(
        ClickCount.objects.order_by("query", "product__sku").values_list(
            "query", "product__sku", "count"
        )
    )


def test_nothing_is_stored_when_the_log_is_off(client: Client, mug: Product, settings: Any) -> None:
    settings.CLICK_LOG = False
    assert send(client, ClickTokens("mug").write(mug.pk)) == 404
    assert counted() == []


def test_a_token_counts_once_and_so_does_a_reload(client: Client, mug: Product) -> None:
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
def test_a_forged_token_is_rejected(client: Client, token: str) -> None:
    assert send(client, token.encode("utf-8", "surrogatepass")) == 400


def test_a_tampered_token_is_rejected(client: Client, mug: Product) -> None:
    content, rest = ClickTokens("mug").write(mug.pk).split(":", 1)
    other = ClickTokens("mug").write(mug.pk + 1).split(":", 1)[0]
    assert send(client, f"{other}:{rest}") == 400
    assert send(client, f"{content}:{rest}") == 204
    assert counted() == [("mug", "M", 1)]


def test_an_expired_token_is_rejected(
    client: Client, mug: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = ClickTokens("mug").write(mug.pk)
    later = time.time() + TOKEN_LIFETIME.total_seconds()
    monkeypatch.setattr(time, "time", lambda: later + 2)
    assert send(client, token) == 400
    monkeypatch.setattr(time, "time", lambda: later - 2)
    assert send(client, token) == 204


def test_foreign_pages_and_long_bodies_are_rejected(client: Client, mug: Product) -> None:
    token = ClickTokens("mug").write(mug.pk)
    assert send(client, token, headers={"Sec-Fetch-Site": "cross-site"}) == 403
    assert send(client, "x" * 5000) == 413
    assert client.get("/clicks").status_code == 405
    assert counted() == []
    # A browser's own page needs no CSRF cookie: the results may come from a cache.
    strict = Client(enforce_csrf_checks=True, headers={"Sec-Fetch-Site": "same-origin"})
    assert send(strict, token) == 204


def test_clicks_of_one_address_are_limited(client: Client, mug: Product) -> None:
    statuses = [
        send(client, ClickTokens(f"mug {n}").write(mug.pk))
        for n in range(MAX_CLICKS_PER_WINDOW + 2)
    ]
    assert statuses == [204] * MAX_CLICKS_PER_WINDOW + [429] * 2
    assert ClickCount.objects.count() == MAX_CLICKS_PER_WINDOW
    assert send(client, ClickTokens("mug").write(mug.pk), REMOTE_ADDR="192.0.2.1") == 204


@pytest.mark.django_db(transaction=True)
def test_a_click_on_a_deleted_product_is_not_found(client: Client, mug: Product) -> None:
    token = ClickTokens("mug").write(mug.pk)
    mug.delete()
    assert send(client, token) == 404


def test_a_database_error_gives_503(
    client: Client, mug: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(clicks: object) -> None:
        raise OperationalError("the database does not answer")

    monkeypatch.setattr(views, "add_clicks", fail)
    assert send(client, ClickTokens("mug").write(mug.pk)) == 503


def test_the_admin_searches_and_adds_up_but_cannot_edit(admin_client: Client, mug: Product) -> None:
    for query, count in (("red mug", 1200), ("blue mug", 34), ("lamp", 5)):
        ClickCount.objects.create(query=query, product=mug, day=timezone.now().date(), count=count)
    address = reverse("admin:clicklog_clickcount_changelist")
    assert "1,239 clicks in this list" in admin_client.get(address).content.decode()
    page = admin_client.get(address, {"q": "mug blue"}).content.decode()
    assert "34 clicks in this list" in page
    assert "lamp" not in page
    chinese = admin_client.get(address, headers={"Accept-Language": "zh-CN"}).content.decode()
    assert "此处显示的共 1239 次点击" in chinese
    row = ClickCount.objects.get(query="lamp")
    assert admin_client.get(reverse("admin:clicklog_clickcount_add")).status_code == 403
    admin_client.post(
        reverse("admin:clicklog_clickcount_change", args=[row.pk]), {"query": "other", "count": 9}
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
