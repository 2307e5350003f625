from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from tests.webapp.api.conftest import Caller
from tests.webapp.api.openapi import assert_conforms
from webapp.api.models import IdempotentRequest
from webapp.catalog.models import Upload

pytestmark = pytest.mark.django_db

UPLOADS = "/api/v1/uploads"


def upload(client: Client, key: str, content: bytes = b"sku,title\nA,Mug\n", **fields: Any) -> Any:
    file = SimpleUploadedFile("catalogue.csv", content)
    return client.post(UPLOADS, {"file": file, **fields}, headers={"Idempotency-Key": key})


def test_a_repeated_request_gets_the_first_response(caller: Caller) -> None:
    client = caller()
    first = upload(client, "one")
    again = upload(client, "one")
    assert first.json() == assert_conforms(again, "uploads_create")
    assert (first.status_code, again.status_code) == (202, 202)
    assert again["Idempotent-Replayed"] == "true"
    assert again["Location"] == first["Location"]
    assert Upload.objects.count() == 1


def test_another_request_with_the_same_key_is_refused(caller: Caller) -> None:
    client = caller()
    upload(client, "one")
    for other in (
        upload(client, "one", b"sku,title\nB,Mug\n"),
        upload(client, "one", dry_run="true"),
    ):
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert Upload.objects.count() == 1


def test_a_repeated_request_is_a_conflict_while_the_first_runs(caller: Caller) -> None:
    client = caller()
    upload(client, "one")
    IdempotentRequest.objects.update(status=None)
    assert upload(client, "one").status_code == 409
    IdempotentRequest.objects.update(created_at=timezone.now() - dt.timedelta(hours=1))
    assert upload(client, "one").status_code == 202


def test_a_failed_request_can_be_repeated(caller: Caller) -> None:
    client = caller()
    assert upload(client, "one", b"").status_code == 400
    assert upload(client, "one").status_code == 202


def test_callers_can_use_the_same_key(caller: Caller) -> None:
    assert upload(caller(), "one").status_code == 202
    assert upload(caller(), "one", b"sku,title\nB,Mug\n").status_code == 202
    assert Upload.objects.count() == 2


def test_a_response_is_deleted_after_a_day(caller: Caller) -> None:
    client = caller()
    upload(client, "one")
    IdempotentRequest.objects.update(created_at=timezone.now() - dt.timedelta(hours=25))
    assert "Idempotent-Replayed" not in upload(client, "one")
    assert Upload.objects.count() == 2


@pytest.mark.parametrize("key", ["", "with space", "x" * 256, "ü"])
def test_an_invalid_key_is_refused(caller: Caller, key: str) -> None:
    assert upload(caller(), key).status_code == 400
