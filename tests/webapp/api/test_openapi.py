from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from tests.webapp.api.openapi import document
from webapp.api.urls import urlpatterns

pytestmark = pytest.mark.django_db


def test_the_document_is_valid_and_without_warnings() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())


def test_the_document_is_served(client: Client) -> None:
    assert client.get("/api/v1/schema").status_code == 200
    assert (
        client.get("/api/v1/schema", headers={"Accept": "application/json"})
        .json()["openapi"]
        .startswith("3.1")
    )


def test_every_route_is_documented() -> None:
    undocumented = {"schema", "docs", None}
    routes = {pattern.name for pattern in urlpatterns} - undocumented
    assert len(document()["paths"]) == len(routes)


def test_every_operation_has_a_summary_and_common_problems() -> None:
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (path, method)
            assert {"400", "401", "403", "429", "503"} <= operation["responses"].keys()


def test_the_docs_page_needs_no_inline_script(client: Client, plain_static: None) -> None:
    page = client.get("/api/v1/docs", headers={"Accept": "text/html"})
    content = page.content.decode()
    assert page.status_code == 200
    assert "<script>" not in content
    assert "cdn" not in content
    assert "script-src" not in page["Content-Security-Policy"]
    assert "default-src 'self'" in page["Content-Security-Policy"]
    script = client.get("/api/v1/docs?script=", headers={"Accept": "*/*"})
    assert script["Content-Type"].startswith("application/javascript")
    assert "/api/v1/schema" in script.content.decode()
