from __future__ import annotations

import io
import uuid
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from pytest_django import DjangoAssertNumQueries

from tests.webapp.api.conftest import Caller
from tests.webapp.api.openapi import assert_conforms
from webapp.catalog.models import Product, Upload
from webapp.importing.service import run_upload

pytestmark = pytest.mark.django_db

UPLOADS = "/api/v1/uploads"
CATALOGUE = (
    b"sku,title,price,currency,images\n"
    b"A,Red mug,12.50,EUR,a.png\nB,Lamp,free,EUR,\nC,Vase,,,none.png\n"
)


def media() -> SimpleUploadedFile:
    picture, archive = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(picture, "PNG")
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("a.png", picture.getvalue())
    return SimpleUploadedFile("media.zip", archive.getvalue())


def send(client: Client, content: bytes = CATALOGUE, **fields: Any) -> Any:
    return client.post(UPLOADS, {"file": SimpleUploadedFile("catalogue.csv", content), **fields})


def test_an_upload_is_accepted_and_its_progress_reported(caller: Caller) -> None:
    client = caller()
    sent = send(client, media=media())
    accepted = assert_conforms(sent, "uploads_create")
    assert (sent.status_code, accepted["state"], accepted["source"]) == (202, "received", "api")
    assert not Product.objects.exists()

    run_upload(upload_id=Upload.objects.get().pk)
    done = assert_conforms(client.get(sent["Location"]), "uploads_read")
    assert done["state"] == "done"
    assert (done["total_rows"], done["rows_handled"]) == (3, 3)
    assert (done["counts"]["created"], done["counts"]["errors"], done["counts"]["warnings"]) == (
        2,
        1,
        1,
    )
    assert done["encoding"]["queued"] == 3

    rows = assert_conforms(client.get(f"{sent['Location']}/rows", {"limit": 2}), "uploads_rows")
    assert [row["outcome"] for row in rows["items"]] == ["created", "error"]
    rest = client.get(
        f"{sent['Location']}/rows", {"limit": 2, "cursor": rows["next_cursor"]}
    ).json()
    assert [row["sku"] for row in rest["items"]] == ["C"]
    failed = client.get(f"{sent['Location']}/rows", {"outcome": "error"}).json()
    assert [row["sku"] for row in failed["items"]] == ["B"]
    warned = client.get(f"{sent['Location']}/rows", {"warned": "true"}).json()
    assert [row["sku"] for row in warned["items"]] == ["C"]

    download: Any = client.get(f"{sent['Location']}/failed-rows")
    assert download["Content-Type"].startswith("text/csv")
    assert "attachment" in download["Content-Disposition"]
    content = b"".join(download.streaming_content).decode()
    assert "Lamp" in content
    assert "Red mug" not in content


def test_an_upload_can_be_cancelled_only_once(caller: Caller) -> None:
    client = caller()
    address = send(client)["Location"]
    cancelled = assert_conforms(client.post(f"{address}/cancel"), "uploads_cancel")
    assert cancelled["state"] == "cancelled"
    assert client.post(f"{address}/cancel").status_code == 409


def test_uploads_are_listed_newest_first(
    caller: Caller, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = caller()
    sent = [send(client).json()["id"] for _ in range(3)]
    with django_assert_num_queries(2):
        first = assert_conforms(client.get(UPLOADS, {"limit": 2}), "uploads_list")
    second = client.get(UPLOADS, {"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [item["id"] for page in (first, second) for item in page["items"]] == sent[::-1]
    assert client.get(UPLOADS, {"state": "done"}).json()["items"] == []


@pytest.mark.parametrize(
    "fields",
    [
        {"file": SimpleUploadedFile("a.csv", b"")},
        {"file": SimpleUploadedFile("a.pdf", b"%PDF-1.7 nothing of a table")},
        {
            "file": SimpleUploadedFile("a.csv", CATALOGUE),
            "media": SimpleUploadedFile("m.zip", b"no zip"),
        },
        {"file": SimpleUploadedFile("a.csv", CATALOGUE), "dry_run": "perhaps"},
        {"file": SimpleUploadedFile("a.csv", CATALOGUE), "media_dir": "/etc"},
        {"file": "text"},
        {},
    ],
)
def test_an_invalid_catalogue_is_refused(caller: Caller, fields: dict[str, Any]) -> None:
    for file in fields.values():
        if isinstance(file, SimpleUploadedFile):
            file.seek(0)
    response = caller().post(UPLOADS, fields)
    assert response.status_code == 400, response.content
    assert not Upload.objects.exists()


def test_an_unknown_upload_is_not_found(caller: Caller) -> None:
    client = caller()
    for rest in ("", "/rows", "/failed-rows"):
        assert client.get(f"{UPLOADS}/{uuid.uuid4()}{rest}").status_code == 404
