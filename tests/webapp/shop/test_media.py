"""Files of assets and thumbnails."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image

from tests.webapp.shop.stock import picture_bytes, store
from webapp.catalog.models import AssetKind

SOUND = b"RIFF" + bytes(range(256)) * 300


@pytest.fixture
def sound_url() -> str:
    return default_storage.url(store(SOUND, AssetKind.AUDIO, ".wav").name)


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def test_a_file_can_be_cached_forever(client: Client, sound_url: str) -> None:
    response = client.get(sound_url)
    assert body(response) == SOUND
    assert response["Content-Type"] == "audio/wav"
    assert response["Content-Length"] == str(len(SOUND))
    assert response["Accept-Ranges"] == "bytes"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert {"public", "immutable", "max-age=31536000"} <= set(response["Cache-Control"].split(", "))


def test_a_byte_range_of_a_file(client: Client, sound_url: str) -> None:
    response = client.get(sound_url, headers={"Range": "bytes=1000-70000"})
    assert response.status_code == 206
    assert body(response) == SOUND[1000:70001]
    assert response["Content-Range"] == f"bytes 1000-70000/{len(SOUND)}"
    assert response["Content-Length"] == "69001"


def test_a_range_of_another_version_returns_the_whole_file(client: Client, sound_url: str) -> None:
    response = client.get(sound_url, headers={"Range": "bytes=0-9", "If-Range": '"another"'})
    assert response.status_code == 200
    assert body(response) == SOUND


def test_a_range_of_the_same_version(client: Client, sound_url: str) -> None:
    whole = client.get(sound_url)
    body(whole)
    part = client.get(sound_url, headers={"Range": "bytes=0-9", "If-Range": whole["ETag"]})
    assert part.status_code == 206
    assert body(part) == SOUND[:10]


def test_a_range_outside_the_file(client: Client, sound_url: str) -> None:
    response = client.get(sound_url, headers={"Range": "bytes=9999999-"})
    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{len(SOUND)}"


def test_an_unchanged_file_is_not_sent_again(client: Client, sound_url: str) -> None:
    first = client.get(sound_url)
    body(first)
    assert client.get(sound_url, headers={"If-None-Match": first["ETag"]}).status_code == 304


def test_files_that_browsers_cannot_show_are_downloaded(client: Client) -> None:
    response = client.get(default_storage.url(store(b"<svg onload=alert(1)>", suffix=".svg").name))
    body(response)
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    "path", ["uploads/catalog.csv", "assets/../uploads/catalog.csv", "assets/ab/catalog.csv"]
)
def test_only_assets_are_served(client: Client, path: str) -> None:
    default_storage.save("uploads/catalog.csv", ContentFile(b"sku,price"))
    assert client.get(f"/media/{path}").status_code == 404


def thumbnail_url(name: str, width: int) -> str:
    return f"/thumbnails/{width}/{name.rsplit('/', 1)[1]}.webp"


def test_a_thumbnail_is_a_small_webp(client: Client) -> None:
    name = store(picture_bytes("red", side=900)).name
    for _ in ("made", "kept"):
        response = client.get(thumbnail_url(name, 320))
        with Image.open(io.BytesIO(body(response))) as picture:
            assert (picture.format, picture.size) == ("WEBP", (320, 320))
        assert response["Content-Type"] == "image/webp"


def test_a_small_picture_is_not_enlarged(client: Client) -> None:
    response = client.get(thumbnail_url(store(picture_bytes("red", side=50)).name, 640))
    with Image.open(io.BytesIO(body(response))) as picture:
        assert picture.size == (50, 50)


def test_other_widths_are_not_made(client: Client) -> None:
    assert client.get(thumbnail_url(store(picture_bytes("red")).name, 333)).status_code == 404


def test_missing_files_and_other_media_have_no_thumbnail(client: Client) -> None:
    sound = store(SOUND, AssetKind.AUDIO, ".wav").name
    assert client.get(thumbnail_url(sound, 160)).status_code == 404
    assert client.get(thumbnail_url(f"assets/aa/{'a' * 64}.png", 160)).status_code == 404
