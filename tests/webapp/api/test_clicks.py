"""Clicks reported by services that show results themselves."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from tests.webapp.api.conftest import Caller
from tests.webapp.api.openapi import assert_conforms
from webapp.catalog.models import Product
from webapp.clicklog.models import ClickCount
from webapp.clicklog.selectors import clicked_queries

pytestmark = pytest.mark.django_db

CLICKS = "/api/v1/clicks"


@pytest.fixture
def mug() -> Product:
    return Product.objects.create(sku="A/1", title="Red mug")


def report(client: Client, *clicks: dict[str, Any], **headers: str) -> Any:
    return client.post(CLICKS, {"clicks": clicks}, content_type="application/json", headers=headers)


def test_clicks_are_normalised_and_added_up(caller: Caller, mug: Product) -> None:
    client = caller("clicks:write")
    clicks: list[dict[str, Any]] = [
        {"query": "Red  Mug", "sku": "A/1"},
        {"query": "red mug", "sku": "A/1", "count": 3},
    ]
    response = report(client, *clicks)
    assert (response.status_code, response.content) == (204, b"")
    report(client, {"query": "cup", "sku": "A/1"})
    assert list(clicked_queries()) == [("cup", mug.pk, 1), ("red mug", mug.pk, 4)]


def test_a_retry_with_an_idempotency_key_counts_once(caller: Caller, mug: Product) -> None:
    client = caller("clicks:write")
    for _ in range(2):
        report(client, {"query": "mug", "sku": "A/1"}, **{"Idempotency-Key": "one"})
    assert list(clicked_queries()) == [("mug", mug.pk, 1)]


def test_an_unknown_product_refuses_all_clicks(caller: Caller, mug: Product) -> None:
    response = report(
        caller("clicks:write"), {"query": "mug", "sku": "A/1"}, {"query": "mug", "sku": "B"}
    )
    assert response.status_code == 404
    assert "no product B" in assert_conforms(response, "clicks_add")["detail"]
    assert not ClickCount.objects.exists()


def test_clicks_on_hidden_products_need_the_catalogue_scope(caller: Caller, mug: Product) -> None:
    Product.objects.update(visible=False)
    assert report(caller("clicks:write"), {"query": "mug", "sku": "A/1"}).status_code == 404
    assert (
        report(caller("clicks:write", "catalog:read"), {"query": "mug", "sku": "A/1"}).status_code
        == 204
    )


@pytest.mark.parametrize(
    ("click", "field"),
    [
        ({"query": "", "sku": "A/1"}, "clicks.0.query"),
        ({"query": " \t", "sku": "A/1"}, "clicks.0.query"),
        ({"query": "m" * 201, "sku": "A/1"}, "clicks.0.query"),
        ({"query": "\ufdfa" * 100, "sku": "A/1"}, "clicks.0.query"),
        ({"query": "mug\0", "sku": "A/1"}, "clicks.0.query"),
        ({"query": "mug", "sku": "A/1", "count": 0}, "clicks.0.count"),
        ({"query": "mug", "sku": "A/1", "user": "me"}, "clicks.0.user"),
        ({"query": "mug"}, "clicks.0.sku"),
    ],
)
def test_wrong_fields_are_named(
    caller: Caller, mug: Product, click: dict[str, Any], field: str
) -> None:
    response = report(caller("clicks:write"), click)
    assert response.status_code == 400
    assert assert_conforms(response, "clicks_add")["errors"][0]["field"] == field


def test_the_number_of_clicks_and_the_body_are_limited(caller: Caller, mug: Product) -> None:
    client = caller("clicks:write")
    assert report(client).status_code == 400
    assert report(client, *[{"query": "mug", "sku": "A/1"}] * 101).status_code == 400
    assert report(client, {"query": "m" * 300_000, "sku": "A/1"}).status_code == 413


def test_reporting_clicks_needs_its_scope(client: Client, caller: Caller, mug: Product) -> None:
    click = {"query": "mug", "sku": "A/1"}
    assert report(client, click).status_code in {401, 403}
    assert report(caller("search", "catalog:write"), click).status_code == 403
    assert not ClickCount.objects.exists()


def test_no_click_is_stored_while_the_log_is_off(
    caller: Caller, mug: Product, settings: Settings
) -> None:
    settings.CLICK_LOG = False
    response = report(caller("clicks:write"), {"query": "mug", "sku": "A/1"})
    assert response.status_code == 409
    assert "click log is off" in assert_conforms(response, "clicks_add")["detail"]
    assert not ClickCount.objects.exists()
