"""Folders, zips and URLs give the named files with their hash, and nothing else."""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from search.errors import FetchRejected, InputError, MediaTooLarge, MediaUnreadable
from search.media.fetch.download import FetchLimits
from webapp.importing.media_sources import FolderMedia, MediaResolver, UrlMedia, ZipLimits, ZipMedia

BODY = os.urandom(3000)
DIGEST = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "media"
    (root / "eval" / "deep").mkdir(parents=True)
    (root / "a.jpg").write_bytes(BODY)
    (root / "eval" / "b.jpg").write_bytes(b"b")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (tmp_path / "media-other").mkdir()
    (tmp_path / "media-other" / "c.jpg").write_bytes(b"c")
    return root


def packed(
    path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED
) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def test_a_folder_opens_the_file_in_its_place(root: Path) -> None:
    with FolderMedia(root, 10_000).open("eval/.././a.jpg") as file:
        assert (file.path, file.name, file.size, file.sha256) == (
            root / "a.jpg",
            "a.jpg",
            3000,
            DIGEST,
        )
    assert (root / "a.jpg").exists()


def test_references_start_at_the_base_and_stay_inside_the_root(root: Path) -> None:
    source = FolderMedia(root, 10_000, base=root / "eval" / "deep")
    assert source.open("../../a.jpg").sha256 == DIGEST
    assert source.open("../b.jpg").size == 1
    with pytest.raises(InputError, match=r"leads out.*'\.\./\.\./\.\./secret\.txt'"):
        source.open("../../../secret.txt")


@pytest.mark.parametrize(
    "reference",
    [
        "../secret.txt",
        "eval/../../secret.txt",
        "../media-other/c.jpg",
        "/etc/passwd",
        "~/x",
        "C:/x.jpg",
        "eval\\b.jpg",
        "a.jpg\0",
        "file:a.jpg",
        "",
        "link.jpg",
        "linked/secret.txt",
        "http://x.example/a.jpg",
    ],
)
def test_references_outside_the_folder_are_refused(root: Path, reference: str) -> None:
    (root / "link.jpg").symlink_to(root.parent / "secret.txt")
    (root / "linked").symlink_to(root.parent)
    with pytest.raises(InputError):
        FolderMedia(root, 10_000).open(reference)


def test_links_inside_the_folder_are_followed(root: Path) -> None:
    (root / "inside.jpg").symlink_to(root / "a.jpg")
    assert FolderMedia(root, 10_000).open("inside.jpg").sha256 == DIGEST


@pytest.mark.parametrize("reference", ["missing.jpg", "eval", "A.JPG", "pipe", "a.jpg/x"])
def test_names_without_a_file_are_reported_as_missing(root: Path, reference: str) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(InputError, match="no such file in the media folder"):
        FolderMedia(root, 10_000).open(reference)


def test_names_match_in_any_unicode_form(root: Path) -> None:
    (root / unicodedata.normalize("NFD", "café.jpg")).write_bytes(b"x")
    assert FolderMedia(root, 10_000).open(unicodedata.normalize("NFC", "café.jpg")).size == 1


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        FolderMedia(tmp_path / "gone", 10)


def test_folders_and_zips_refuse_large_files(root: Path, tmp_path: Path) -> None:
    path = packed(tmp_path / "m.zip", ("a.jpg", BODY))
    with ZipMedia(path, 2999) as zipped:
        for source in (FolderMedia(root, 2999), zipped):
            with pytest.raises(
                MediaTooLarge, match=r"a\.jpg is over the limit of 2999 bytes: got 3000"
            ):
                source.open("a.jpg")


def test_a_zip_gives_temporary_files_to_several_threads(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "m.zip", ("a.jpg", BODY), ("dir/", b""), ("dir\\b.jpg", b"b"), ("../c.jpg", b"c")
    )
    out = tmp_path / "out"
    out.mkdir()
    with ZipMedia(path, 10_000, folder=out) as source, ThreadPoolExecutor(4) as pool:
        with source.open("./dir/../a.jpg") as file:
            assert (file.path.read_bytes(), file.size, file.sha256, file.name) == (
                BODY,
                3000,
                DIGEST,
                "a.jpg",
            )
        assert source.open("dir/b.jpg").path.read_bytes() == b"b"
        assert {file.sha256 for file in pool.map(source.open, ["a.jpg"] * 20)} == {DIGEST}
        for reference, words in (
            ("../c.jpg", "out of the zip"),
            ("dir", "no such file"),
            ("A.jpg", "There is a.jpg"),
        ):
            with pytest.raises(InputError, match=words):
                source.open(reference)


def linked() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("link.jpg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def test_links_in_a_zip_are_ignored(tmp_path: Path) -> None:
    path = packed(tmp_path / "m.zip", (linked(), b"/etc/passwd"))
    with ZipMedia(path, 10_000) as source, pytest.raises(InputError, match="no such file"):
        source.open("link.jpg")


def test_unsafe_zips_are_refused(tmp_path: Path) -> None:
    plain = packed(tmp_path / "plain.zip", ("a.jpg", BODY), ("b.jpg", BODY))
    encrypted = tmp_path / "encrypted.zip"
    data = bytearray(plain.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    encrypted.write_bytes(data)
    bomb = packed(tmp_path / "bomb.zip", ("a.bmp", b"\0" * 5_000_000))
    bzip = packed(tmp_path / "bzip.zip", ("a.jpg", BODY), method=zipfile.ZIP_BZIP2)
    double = packed(tmp_path / "double.zip", ("d/a.jpg", BODY), ("d\\a.jpg", BODY))
    (tmp_path / "no.zip").write_bytes(b"PK\x03\x04 nonsense")
    for path, limits, words in (
        (plain, ZipLimits(entries=1), "limit of 1 entries: got 2"),
        (plain, ZipLimits(total_bytes=5000), "limit of 5000 bytes: got 6000"),
        (encrypted, ZipLimits(), "encrypted: got 'a.jpg'"),
        (bomb, ZipLimits(), "over 200 times its size"),
        (bzip, ZipLimits(), "another method"),
        (double, ZipLimits(), "two files of one name: got 'd/a.jpg'"),
        (tmp_path / "no.zip", ZipLimits(), "cannot be read: got 'no.zip'"),
    ):
        with pytest.raises(InputError, match=words):
            ZipMedia(path, 10_000, limits)


def test_a_damaged_entry_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    path = packed(tmp_path / "m.zip", ("a.jpg", BODY), method=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(BODY[:50]) + 10] ^= 255
    path.write_bytes(data)
    out = tmp_path / "out"
    out.mkdir()
    with (
        ZipMedia(path, 10_000, folder=out) as source,
        pytest.raises(MediaUnreadable, match="damaged"),
    ):
        source.open("a.jpg")
    assert list(out.iterdir()) == []


def test_the_resolver_opens_paths_and_urls_from_their_sources(root: Path) -> None:
    urls = UrlMedia(FetchLimits(max_bytes=10, total_s=1))
    both = MediaResolver(FolderMedia(root, 10_000), urls)
    assert both.open("a.jpg").sha256 == DIGEST
    with pytest.raises(FetchRejected, match="public internet"):
        both.open("HTTP://127.0.0.1/a.jpg")
    with pytest.raises(InputError, match=r"no media folder or zip was given: got 'a\.jpg'"):
        MediaResolver(None, urls).open("a.jpg")
    with pytest.raises(InputError, match="URLs are not fetched"):
        MediaResolver(None, None).open("https://x.example/a.jpg")
