"""A service's whole story over the REST API, with real web, worker and queue processes, on both
set-ups."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any

import httpx
import pytest
from PIL import Image, ImageDraw

from tests.support.installation import Installation

COLOURS = {"red": "#d22", "green": "#2a4", "blue": "#24d", "yellow": "#ed2"}
API = "/api/v1"
SHAPES = ("disc", "box")


def drawing(colour: str, shape: str) -> bytes:
    picture = Image.new("RGB", (160, 160), "white")
    draw = ImageDraw.Draw(picture)
    figure = draw.ellipse if shape == "disc" else draw.rectangle
    figure((30, 30, 130, 130), fill=COLOURS[colour])
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


def catalogue(*, broken: bool) -> tuple[bytes, bytes]:
    """JSON Lines of eight products and a zip with their pictures; one row and one picture are
    faulty when `broken`."""
    rows: list[dict[str, Any]] = []
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for colour in COLOURS:
            for shape in SHAPES:
                name = f"{colour}-{shape}"
                rows.append({
                    "sku": name, "title": f"{colour.title()} wooden {shape}",
                    "category": f"Toys > {shape.title()}", "price": "9.90", "currency": "EUR",
                    "images": [f"{name}.jpg"], "attributes": {"colour": colour},
                })  # fmt: skip
                archive.writestr(f"{name}.jpg", drawing(colour, shape))
        if broken:
            rows.append({"sku": "torn", "title": "A torn picture", "images": ["torn.jpg"]})
            archive.writestr("torn.jpg", drawing("red", "disc")[:900])
            rows.append(
                {"sku": "free", "title": "Priced wrongly", "price": "-3", "currency": "EUR"}
            )
    return "".join(json.dumps(row) + "\n" for row in rows).encode(), packed.getvalue()


class Shop:
    """The API as a service uses it."""

    def __init__(self, address: str, key: str) -> None:
        self.http = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
            trust_env=False,
        )

    def upload(self, rows: bytes, media: bytes, **options: str) -> dict[str, Any]:
        """Send a catalogue and wait until it is imported and encoded."""
        sent = self.http.post(
            f"{API}/uploads",
            files={"file": ("catalog.jsonl", rows), "media": ("media.zip", media)},
            data=options,
        )
        assert sent.status_code == 202, sent.text
        for _ in range(600):
            upload: dict[str, Any] = (
                self.http.get(sent.headers["Location"]).raise_for_status().json()
            )
            encoding = upload["encoding"]
            if (
                upload["state"] in {"done", "failed"}
                and not encoding["queued"] + encoding["claimed"]
            ):
                return upload
            time.sleep(0.2)
        raise AssertionError(f"the upload did not end: {upload}")

    def find(self, **asked: Any) -> list[str]:
        answer = self.http.post(f"{API}/search", json=asked)
        assert answer.status_code == 200, answer.text
        return [hit["sku"] for hit in answer.json()["hits"]]

    def find_like(self, picture: bytes) -> list[str]:
        answer = self.http.post(f"{API}/search", files={"picture": ("query.jpg", picture)})
        assert answer.status_code == 200, answer.text
        return [hit["sku"] for hit in answer.json()["hits"]]


def make_key(site: Installation) -> str:
    printed = site.manage("create_api_key", "e2e", "--all-scopes").stdout
    return next(word for word in printed.split() if word.startswith("osk_"))


@pytest.mark.e2e
@pytest.mark.slow
def test_from_upload_to_search_and_back(installation: Installation) -> None:
    site = installation
    worker = site.start_worker(ready=False)
    shop = Shop(site.start_web(), make_key(site))

    upload = shop.upload(*catalogue(broken=True))
    counts = upload["counts"]
    assert (counts["created"], counts["errors"], counts["warnings"]) == (9, 1, 1), upload
    problems = shop.http.get(
        f"{API}/uploads/{upload['id']}/rows", params={"outcome": "error"}
    ).json()["items"]
    assert [(row["sku"], row["messages"][0]["field"]) for row in problems] == [("free", "price")]

    assert shop.find(text="red wooden disc", limit=3)[0] == "red-disc"
    assert shop.find_like(drawing("blue", "box"))[0] == "blue-box"
    assert set(shop.find(text="wooden", filters={"attributes": {"colour": ["green"]}})) == {
        "green-disc",
        "green-box",
    }
    assert "torn" in shop.find(text="a torn picture", limit=1)

    embeddings = site.query("SELECT count(*) FROM catalog_embedding")
    again = shop.upload(*catalogue(broken=False))
    assert (again["counts"]["unchanged"], again["counts"]["created"]) == (8, 0), again
    assert site.query("SELECT count(*) FROM catalog_embedding") == embeddings

    site.manage("index", "build")
    assert shop.find(text="red wooden disc", limit=3)[0] == "red-disc"
    shop.http.patch(f"{API}/products/red-disc", json={"visible": False}).raise_for_status()
    shop.http.delete(f"{API}/products/blue-box").raise_for_status()
    assert not {"red-disc", "blue-box"} & set(shop.find(text="wooden", limit=50))
    assert shop.find_like(drawing("blue", "box"))[0] != "blue-box"
    site.kill(worker)
    shop.http.close()
