from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from tests.webapp.api.conftest import Caller
from webapp.api.throttling import Rate

pytestmark = pytest.mark.django_db

PRODUCTS = "/api/v1/products"


def test_a_rate_is_parsed() -> None:
    assert Rate.parse("120/min") == Rate(120, 60)
    assert Rate.parse("5/hour") == Rate(5, 3600)


def test_a_refused_request_has_a_retry_time(client: Client, settings: Settings) -> None:
    settings.API_RATE_ANONYMOUS = "2/day"
    left = [client.get(PRODUCTS)["RateLimit"].split(";")[1] for _ in range(2)]
    assert left == ["r=1", "r=0"]
    refused = client.get(PRODUCTS)
    assert (refused.status_code, refused.json()["code"]) == (429, "throttled")
    assert 0 < int(refused["Retry-After"]) <= 86_400
    assert refused["RateLimit-Policy"] == '"default";q=2;w=86400'


def test_addresses_and_keys_have_separate_limits(
    client: Client, caller: Caller, settings: Settings
) -> None:
    settings.API_RATE_ANONYMOUS = "1/day"
    settings.API_RATE_KEY = "2/day"
    assert client.get(PRODUCTS).status_code == 200
    assert client.get(PRODUCTS).status_code == 429
    assert client.get(PRODUCTS, REMOTE_ADDR="192.0.2.7").status_code == 200
    first, second = caller(), caller()
    assert [first.get(PRODUCTS).status_code for _ in range(3)] == [200, 200, 429]
    assert second.get(PRODUCTS).status_code == 200


def test_a_forged_address_does_not_avoid_the_limit(client: Client, settings: Settings) -> None:
    settings.API_RATE_ANONYMOUS = "1/day"
    assert client.get(PRODUCTS, headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 200
    assert client.get(PRODUCTS, headers={"X-Forwarded-For": "192.0.2.2"}).status_code == 429
