from __future__ import annotations

import json

import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from search.errors import (
    ConfigError,
    InputError,
    InvalidCursor,
    MediaTooLarge,
    MediaUnreadable,
    MediaUnsupported,
    NoGeneration,
    OmnishelfError,
    Unavailable,
)
from tests.webapp.api.conftest import Caller
from webapp.api.problems import to_problem
from webapp.api.views.search import SearchView
from webapp.catalog.models import Product

pytestmark = pytest.mark.django_db

SEARCH = "/api/v1/search"


def post_json(client: Client, body: bytes | str) -> tuple[int, dict[str, object]]:
    response = client.post(SEARCH, body, content_type="application/json")
    assert response["Content-Type"] == "application/problem+json"
    return response.status_code, response.json()


def test_an_unknown_address_is_a_problem(client: Client) -> None:
    for path in (
        "/api/v1/nothing",
        "/api/v1/",
        "/api/v1/products/x/",
        "/api/v1/jobs/9999999999999999999999",
    ):
        for method in (client.get, client.post):
            response = method(path)
            assert response.status_code in {401, 404, 405}
            assert response["Content-Type"] == "application/problem+json"
    assert client.get("/api/v1/nothing").json()["code"] == "not_found"


def test_an_unsupported_method_is_a_problem(client: Client) -> None:
    response = client.delete(SEARCH)
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert set(response["Allow"].split(", ")) >= {"GET", "POST"}


def test_an_unsupported_accept_header_is_a_problem(client: Client) -> None:
    response = client.get("/api/v1/products", headers={"Accept": "text/html"})
    assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")


def test_a_body_of_an_unsupported_type_is_refused(client: Client, caller: Caller) -> None:
    assert client.post(SEARCH, "text=x", content_type="text/plain").status_code == 415
    assert (
        client.post(SEARCH, "text=x", content_type="application/x-www-form-urlencoded").status_code
        == 415
    )
    assert (
        caller().post("/api/v1/uploads", "{}", content_type="application/json").status_code == 415
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b'{"text": "\xff"}',
        b'{"text": "\\ud800"}',
        b'{"text": "a\\u0000b"}',
        b'{"limit": NaN}',
        b'{"filters": {"price_min": NaN}}',
        b'{"filters": {"price_min": 1e400}}',
        b'{"filters": {"price_min": Infinity}}',
        b'{"limit": ' + b"9" * 5000 + b"}",
        b'{"limit": 99999999999999999999999}',
        b'{"limit": 5.0}',
        b'{"limit": true}',
        b'{"limit": 0}',
        b'{"limit": 101}',
        b"[" * 100_000,
        b'{"filters": ' * 5000,
        b'{"filters": null}',
        b'{"filters": {"attributes": {"a": "red"}}}',
        b'{"filters": {"attributes": {"a\\u0000": ["red"]}}}',
        b'{"sort": "best"}',
        b'{"cursor": "nonsense"}',
        b'{"picture_token": "nonsense"}',
        b'{"query": "red"}',
        json.dumps({"text": "x" * 1001}).encode(),
        json.dumps({"filters": {"brands": ["b"] * 101}}).encode(),
        json.dumps({"filters": {"price_min": 5, "price_max": 1}}).encode(),
        json.dumps({"filters": {"category": "no-such"}}).encode(),
    ],
    ids=lambda body: body[:40].decode("latin-1"),
)
def test_an_invalid_body_is_refused(client: Client, body: bytes) -> None:
    status, problem = post_json(client, body)
    assert status == 400
    assert problem["detail"]


def test_every_wrong_field_is_named_with_its_limit(client: Client) -> None:
    _, problem = post_json(
        client, json.dumps({"limit": 500, "filters": {"colour": "red", "in_stock": "yes"}})
    )
    errors = {error["field"]: error["reason"] for error in problem["errors"]}  # type: ignore[attr-defined]
    assert set(errors) == {"limit", "filters.colour", "filters.in_stock"}
    assert "100" in errors["limit"]


@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "limit=x",
        "limit=0",
        "colour=red",
        "attr=red",
        "price_min=x",
        "in_stock=perhaps",
        "brand=%00",
    ],
)
def test_wrong_parameters_are_refused(client: Client, query: str) -> None:
    response = client.get(f"{SEARCH}?{query}")
    assert (response.status_code, response.json()["code"]) == (400, "invalid")


def test_a_huge_body_is_refused_before_it_is_read(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SearchView, "body_max_bytes", 1000)
    response = client.post(SEARCH, b" " * 1001, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert "1000" in response.json()["detail"]
    # The announced length is enough to refuse a body.
    announced = client.generic(
        "POST", SEARCH, b"", content_type="application/json", CONTENT_LENGTH="99999999"
    )
    assert announced.status_code == 413


def test_a_form_with_too_large_fields_is_refused(client: Client, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    assert client.post(SEARCH, {"text": "x" * 200}).status_code == 413


def test_a_malformed_form_is_refused(client: Client) -> None:
    for body in (b"", b"--x", b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nred'):
        response = client.generic(
            "POST", SEARCH, body, content_type="multipart/form-data; boundary=x"
        )
        assert response.status_code in {200, 400}
    assert (
        client.generic("POST", SEARCH, b"x", content_type="multipart/form-data").status_code == 400
    )


def test_a_form_with_unknown_fields_is_refused(client: Client) -> None:
    response = client.post(SEARCH, {"colour": "red"})
    assert [error["field"] for error in response.json()["errors"]] == ["colour"]


def test_a_database_that_does_not_answer_is_a_503(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise OperationalError("connection refused at 10.0.0.5")

    monkeypatch.setattr(Product.objects, "get_queryset", fail)
    response = client.get("/api/v1/products")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert "10.0.0.5" not in response.content.decode()


def test_an_internal_error_is_a_problem_without_details(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(Product.objects, "get_queryset", fail)
    with pytest.raises(ZeroDivisionError):
        client.get("/api/v1/products")
    client.raise_request_exception = False
    response = client.get("/api/v1/products")
    assert (response.status_code, response["Content-Type"]) == (500, "application/problem+json")
    assert "secret" not in response.content.decode()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("x"), 400),
        (InvalidCursor("x"), 400),
        (MediaUnreadable("x"), 400),
        (MediaTooLarge("x"), 413),
        (MediaUnsupported("x"), 415),
        (NoGeneration("x"), 503),
        (Unavailable("x"), 503),
        (ConfigError("x"), 500),
    ],
)
def test_the_class_of_an_error_decides_the_status(error: OmnishelfError, status: int) -> None:
    problem = to_problem(error)
    assert problem.status == status
    assert ("Retry-After" in problem.headers) == (status == 503)
