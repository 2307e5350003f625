"""The upload page: upload, progress, cancel, failed rows, permissions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.webapp.importing.catalogues import MediaFolder, accept, csv_bytes, run
from webapp.catalog.models import Product, Upload, UploadState
from webapp.importing.service import run_upload
from webapp.settings import BROKER_DIR

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]

ADD = reverse("admin:catalog_upload_add")


def page(name: str, upload: Upload) -> str:
    return reverse(f"admin:catalog_upload_{name}", args=[upload.pk])


def catalogue(
    content: bytes = csv_bytes([{"sku": "A", "title": "Alpha", "images": "a.png"}]),
) -> SimpleUploadedFile:
    return SimpleUploadedFile("spring.csv", content, "text/csv")


@pytest.mark.django_db(transaction=True)
def test_an_upload_is_stored_and_a_worker_is_woken(
    admin_client: Client, folder: MediaFolder
) -> None:
    folder.picture("a.png")
    before = set(BROKER_DIR.iterdir())
    media = SimpleUploadedFile("media.zip", folder.zipped())
    answer = admin_client.post(ADD, {"file": catalogue(), "media_zip": media, "dry_run": "on"})
    upload = Upload.objects.get()
    assert answer["Location"] == page("change", upload)
    assert (upload.filename, upload.dry_run, upload.remove_absent) == ("spring.csv", True, False)
    assert upload.created_by and upload.created_by.username == "admin"
    assert Path(upload.file.path).read_bytes() == catalogue().read()
    (message,) = set(BROKER_DIR.iterdir()) - before
    assert "indexer.import_upload" in json.dumps(json.loads(message.read_text()))
    assert run_upload(upload_id=upload.pk).created_count == 1
    assert not Product.objects.exists()


def test_a_form_sent_by_script_gets_a_client_redirect(admin_client: Client) -> None:
    answer = admin_client.post(ADD, {"file": catalogue()}, headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == page("change", Upload.objects.get())


def test_a_file_that_is_not_a_catalogue_is_refused_on_the_page(admin_client: Client) -> None:
    answer = admin_client.post(ADD, {"file": catalogue(b"sku,titel\nA,Alpha\n")})
    assert answer.status_code == 200
    assert "Did you mean title" in answer.content.decode()
    assert "is required" in admin_client.post(ADD, {}).content.decode()
    assert not Upload.objects.exists()


def test_the_page_reloads_itself_until_everything_is_done(admin_client: Client) -> None:
    upload = accept([{"sku": "A", "title": "Alpha"}, {"sku": "B", "title": ""}])
    content = admin_client.get(page("change", upload)).content.decode()
    assert f'hx-get="{page("progress", upload)}"' in content
    assert page("cancel", upload) in content
    run_upload(upload_id=upload.pk)
    content = admin_client.get(page("progress", upload)).content.decode()
    assert "hx-get" in content, "the text is still to be encoded"
    assert "<code>title</code>" in content
    assert "<html" not in content
    finished = run([{"sku": "A", "title": "Alpha"}])
    assert "hx-get" not in admin_client.get(page("progress", finished)).content.decode()


def test_names_from_the_file_are_escaped(admin_client: Client) -> None:
    upload = run([{"sku": "<script>x</script>", "title": "", "images": ""}])
    assert "<script>x" not in admin_client.get(page("progress", upload)).content.decode()


def test_cancelling_takes_a_post(admin_client: Client) -> None:
    upload = accept([{"sku": "A", "title": "Alpha"}])
    assert admin_client.get(page("cancel", upload)).status_code == 405
    admin_client.post(page("cancel", upload))
    upload.refresh_from_db()
    assert upload.state == UploadState.CANCELLED
    assert run_upload(upload_id=upload.pk).created_count == 0


def test_failed_rows_are_a_file_to_download(admin_client: Client) -> None:
    upload = run([{"sku": "A", "title": "Alpha", "price": "much"}])
    answer: Any = admin_client.get(page("failed_rows", upload))
    assert 'filename="catalogue-failed.csv"' in answer["Content-Disposition"]
    assert b"much" in b"".join(answer.streaming_content)


def test_the_right_to_view_is_not_the_right_to_upload(client: Client) -> None:
    upload = accept([{"sku": "A", "title": "Alpha"}])
    assert client.get(page("progress", upload)).status_code == 302
    clerk = User.objects.create_user("clerk", password="a long enough one", is_staff=True)
    client.force_login(clerk)
    for name in ("progress", "failed_rows", "change"):
        assert client.get(page(name, upload)).status_code == 403
    clerk.user_permissions.add(Permission.objects.get(codename="view_upload"))
    client.force_login(User.objects.get(pk=clerk.pk))
    assert client.get(page("progress", upload)).status_code == 200
    assert client.get(ADD).status_code == 403
    assert client.post(ADD, {"file": catalogue()}).status_code == 403
    assert client.post(page("cancel", upload)).status_code == 403
