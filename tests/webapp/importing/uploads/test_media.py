"""Media of rows: broken, missing, shared, reordered, of other kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.webapp.importing.catalogues import (
    MediaFolder,
    counts,
    picture_bytes,
    reasons,
    run,
    sound_bytes,
)
from webapp.catalog.models import Asset, IndexJob, Product, UploadState
from webapp.catalog.selectors.embeddings import get_index_sequence

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_root")]


def sources(sku: str = "A", kind: str = "picture") -> list[str]:
    return list(
        Asset.objects.filter(product__sku=sku, kind=kind)
        .order_by("position")
        .values_list("source", flat=True)
    )


def test_unusable_media_are_warnings_and_the_row_is_applied(folder: MediaFolder) -> None:
    folder.picture("good.png")
    folder.add("broken.png", picture_bytes((1, 2, 3))[:40])
    folder.add("words.png", b"this is no picture")
    secret = folder.path.parent / "secret.png"
    secret.write_bytes(picture_bytes((9, 9, 9)))
    named = "broken.png|good.png|missing.png|words.png|../secret.png|http://127.0.0.1/x.png"
    upload = run([{"sku": "A", "title": "Alpha", "images": named}], media=folder)
    assert (upload.state, counts(upload), upload.warning_count) == (
        UploadState.DONE,
        (1, 0, 0, 0),
        1,
    )
    assert sources() == ["good.png"]
    messages = reasons(upload)
    assert [(level, field) for _, level, field, _ in messages] == [("warning", "images")] * 5
    for name, (*_, reason) in zip(
        ["broken.png", "missing.png", "words.png", "../secret.png", "http://127.0.0.1/x.png"],
        messages,
        strict=True,
    ):
        assert reason.startswith(f"{name}: ")


def test_a_picture_in_the_wrong_column_is_refused(folder: MediaFolder) -> None:
    folder.picture("good.png")
    folder.add("bell.wav", sound_bytes())
    upload = run(
        [{"sku": "A", "title": "Alpha", "images": "bell.wav", "audio": "bell.wav|good.png"}],
        media=folder,
    )
    assert {(field, reason.split(":")[0]) for _, _, field, reason in reasons(upload)} == {
        ("images", "bell.wav"),
        ("audio", "good.png"),
    }
    bell = Asset.objects.get(kind="audio")
    assert bell.duration_s == pytest.approx(0.2, abs=0.05)
    assert IndexJob.objects.get(modality="audio").content_hash == bell.content_hash


def test_one_content_is_stored_and_encoded_once(folder: MediaFolder, media_root: Path) -> None:
    folder.picture("one.png")
    folder.picture("copy.png")
    rows = [
        {"sku": "A", "title": "Same words", "images": "one.png|copy.png"},
        {"sku": "B", "title": "Same words", "images": "copy.png"},
    ]
    upload = run(rows, media=folder)
    assert counts(upload) == (2, 0, 0, 0)
    assert Asset.objects.filter(kind="picture").count() == 2
    assert sorted(IndexJob.objects.values_list("modality", flat=True)) == ["picture", "text"]
    assert len([path for path in (media_root / "assets").rglob("*") if path.is_file()]) == 1


def test_reordering_keeps_ids_and_dropping_removes(folder: MediaFolder) -> None:
    for number, name in enumerate(["a.png", "b.png", "c.png"]):
        folder.picture(name, (number * 60, 10, 10))
    run([{"sku": "A", "title": "Alpha", "images": "a.png|b.png|c.png"}], media=folder)
    ids = dict(Asset.objects.filter(kind="picture").values_list("source", "pk"))
    seq = get_index_sequence()
    upload = run([{"sku": "A", "images": "c.png|a.png"}], media=folder)
    assert counts(upload) == (0, 1, 0, 0)
    assert sources() == ["c.png", "a.png"]
    assert dict(Asset.objects.filter(kind="picture").values_list("source", "pk")) == {
        name: ids[name] for name in ("a.png", "c.png")
    }
    assert Product.objects.get().index_seq == get_index_sequence() == seq + 1
    run([{"sku": "A", "images": ""}], media=folder)
    assert sources() == []


def test_a_missing_file_keeps_the_stored_one(folder: MediaFolder) -> None:
    folder.picture("a.png")
    run([{"sku": "A", "title": "Alpha", "images": "a.png"}], media=folder)
    upload = run([{"sku": "A", "images": "a.png"}])
    assert counts(upload) == (0, 0, 1, 0)
    assert upload.warning_count == 1
    assert "is kept" in reasons(upload)[0][3]
    assert sources() == ["a.png"]


def test_a_changed_file_under_the_same_name_replaces_the_stored_one(folder: MediaFolder) -> None:
    folder.picture("a.png", (1, 1, 1))
    run([{"sku": "A", "title": "Alpha", "images": "a.png"}], media=folder)
    before = Asset.objects.get(kind="picture").content_hash
    folder.picture("a.png", (250, 1, 1))
    assert counts(run([{"sku": "A", "images": "a.png"}], media=folder)) == (0, 1, 0, 0)
    assert Asset.objects.get(kind="picture").content_hash != before


def test_a_missing_media_folder_fails_the_upload(tmp_path: Path) -> None:
    upload = run([{"sku": "A", "title": "Alpha"}], media_dir=str(tmp_path / "nowhere"))
    assert upload.state == UploadState.FAILED
    assert "nowhere" in upload.error
