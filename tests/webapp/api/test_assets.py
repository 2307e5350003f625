from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from search.types import Span
from tests.webapp.api.conftest import Caller
from tests.webapp.api.openapi import assert_conforms
from webapp.catalog.models import Asset, AssetKind, ClipPreview, IndexJob, Product
from webapp.catalog.models.spans import spans_pack
from webapp.catalog.selectors.embeddings import get_index_sequence
from webapp.catalog.services.assets import hash_text

pytestmark = pytest.mark.django_db

ASSETS = "/api/v1/products/MUG-1/assets"


@pytest.fixture
def mug() -> Product:
    return Product.objects.create(sku="MUG-1", title="Red mug")


def picture(colour: str = "red") -> SimpleUploadedFile:
    content = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(content, "PNG")
    return SimpleUploadedFile("front.png", content.getvalue())


def add(client: Client, **fields: Any) -> Any:
    return client.post(ASSETS, fields)


def test_a_picture_is_stored_and_queued(caller: Caller, mug: Product) -> None:
    client = caller()
    added = assert_conforms(add(client, file=picture()), "assets_add")
    asset = Asset.objects.get()
    assert (added["kind"], added["width"], added["height"], added["position"]) == (
        "picture",
        40,
        30,
        0,
    )
    assert default_storage.exists(str(asset.file))
    assert added["url"].endswith(f"{asset.content_hash}.png")
    assert IndexJob.objects.get().content_hash == asset.content_hash
    mug.refresh_from_db()
    assert mug.index_seq == get_index_sequence() > 0
    second = add(client, file=picture("blue")).json()
    assert second["position"] == 1
    listed = assert_conforms(client.get(ASSETS), "assets_list")
    assert [item["id"] for item in listed["items"]] == [added["id"], second["id"]]


def test_a_clip_is_listed_with_its_preview(caller: Caller, mug: Product) -> None:
    def clip(name: str, kind: AssetKind) -> Asset:
        digest = hash_text(name)
        return Asset.objects.create(
            product=mug, kind=kind, file=f"assets/{digest}.{name}", content_hash=digest
        )

    film, sound = clip("mp4", AssetKind.VIDEO), clip("wav", AssetKind.AUDIO)
    ClipPreview.objects.create(
        content_hash=film.content_hash,
        made_at=timezone.now(),
        spans=spans_pack([Span(0, 2.5), Span(2.5, 4)]),
        peaks=bytes([0, 255]),
        subtitled=True,
    )
    items = assert_conforms(caller().get(ASSETS), "assets_list")["items"]
    previews = {item["id"]: item["preview"] for item in items}
    base = f"http://testserver/previews/{film.content_hash}"
    assert previews[sound.pk] is None
    assert previews[film.pk] == {
        "frames": [
            {"start": 0.0, "end": 2.5, "url": f"{base}/frame-0.webp"},
            {"start": 2.5, "end": 4.0, "url": f"{base}/frame-1.webp"},
        ],
        "peaks": [0, 255],
        "spectrogram": f"{base}/spectrogram.webp",
        "subtitles": f"{base}/subtitles.vtt",
    }


def test_adding_a_picture_twice_gives_one_asset(caller: Caller, mug: Product) -> None:
    client = caller()
    first = add(client, file=picture())
    again = add(client, file=picture())
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]


def test_removing_a_picture_raises_the_index_sequence(caller: Caller, mug: Product) -> None:
    client = caller()
    asset = add(client, file=picture()).json()
    before = get_index_sequence()
    assert client.delete(f"{ASSETS}/{asset['id']}").status_code == 204
    assert get_index_sequence() == before + 1
    assert client.delete(f"{ASSETS}/{asset['id']}").status_code == 404


def test_a_text_cannot_be_deleted_as_an_asset(caller: Caller) -> None:
    client = caller()
    client.put("/api/v1/products/MUG-1", {"title": "Red mug"}, content_type="application/json")
    text = Asset.objects.get()
    assert client.delete(f"{ASSETS}/{text.pk}").status_code == 400


def test_an_asset_of_another_product_is_not_found(caller: Caller, mug: Product) -> None:
    client = caller()
    asset = add(client, file=picture()).json()
    Product.objects.create(sku="MUG-2", title="Blue mug")
    assert client.delete(f"/api/v1/products/MUG-2/assets/{asset['id']}").status_code == 404


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400),
        ({"file": "a text"}, 400),
        ({"file": SimpleUploadedFile("a.png", b"")}, 400),
        ({"file": SimpleUploadedFile("a.png", b"GIF89a cut")}, 400),
        ({"file": SimpleUploadedFile("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")}, 415),
        ({"file": picture(), "kind": "video"}, 415),
        ({"file": picture(), "kind": "text"}, 400),
        ({"file": picture(), "other": picture()}, 400),
    ],
)
def test_an_unsupported_file_is_refused(
    caller: Caller, mug: Product, fields: dict[str, Any], status: int
) -> None:
    for file in fields.values():
        if isinstance(file, SimpleUploadedFile):
            file.seek(0)
    response = add(caller(), **fields)
    assert response.status_code == status, response.content
    assert not Asset.objects.exists()


def test_an_asset_of_an_unknown_product_is_not_found(caller: Caller) -> None:
    assert add(caller(), file=picture()).status_code == 404
