"""Requests generated from the OpenAPI schema: responses conform to it, and none is a 5xx."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from django.core.files.base import ContentFile
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, settings
from pytest_django import Settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.webapp.retrieval.stored_shop import make_shop
from webapp.api.api_keys import create_api_key
from webapp.api.scopes import Scope
from webapp.catalog.models import Asset, IndexJob, Upload
from webapp.catalog.models.upload import UploadSource
from webapp.importing.service import create_upload, run_upload

application = get_wsgi_application()
"""The WSGI application, without the model that webapp.wsgi loads."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
    unsupported_method,
]


EXISTING_IDS: dict[str, Callable[[], Any]] = {
    "sku": lambda: "SKU-001",
    "asset_id": lambda: Asset.objects.values_list("pk", flat=True)[0],
    "job_id": lambda: IndexJob.objects.values_list("pk", flat=True)[0],
    "upload_id": lambda: str(Upload.objects.values_list("public_id", flat=True)[0]),
}


@pytest.fixture
def token(db: None, fresh_index: None, settings: Settings) -> Iterator[str]:
    """Return a key of all scopes for a small shop.

    Requests run in the transaction of the test, so they must not close the connection.
    """
    settings.API_RATE_KEY = "1000000/min"
    make_shop(6)
    IndexJob.objects.create(space="s", modality="text", content_hash="a", state="failed")
    file = ContentFile(b"sku,title\nA,Mug\n", "catalogue.csv")
    run_upload(upload_id=create_upload(file=file, source=UploadSource.TERMINAL).pk)
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield create_api_key(name="fuzz", scopes=Scope.values)[1]
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def load(*, coverage: bool) -> schemathesis.BaseSchema:
    """Load the schema from the application; `coverage` adds the limits of every parameter."""
    config = schemathesis.Config.from_dict({"phases": {"coverage": {"enabled": coverage}}})
    return schemathesis.openapi.from_wsgi("/api/v1/schema", application, config=config)


bounded = settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@load(coverage=True).exclude(path="/api/v1/search").parametrize()
@bounded
def test_catalogue_responses_conform_to_the_schema(case: Case[Any], token: str) -> None:
    for name, value in case.path_parameters.items():
        # Replace every second generated id by one that exists.
        if len(str(value)) % 2:
            case.path_parameters[name] = EXISTING_IDS[name]()
    send(case, token)


@load(coverage=False).include(path="/api/v1/search").parametrize()
@settings(bounded, max_examples=30)
def test_search_responses_conform_to_the_schema(case: Case[Any], token: str) -> None:
    for part in (case.query, case.body):
        # Remove every second generated cursor, token and category, which are refused before the
        # search.
        if isinstance(part, dict) and len(part) % 2:
            for name in ("cursor", "picture_token", "category"):
                part.pop(name, None)
    send(case, token)


def send(case: Case[Any], token: str) -> None:
    case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)
