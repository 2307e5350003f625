"""Atomic writes and file hashes."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from search.files import (
    copy_chunks,
    file_sha256,
    open_durable,
    remove_temporary_files,
    save_temporary,
    sha256_hex,
    write_atomically,
)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was flushed to disk, in order: "file" or "folder"."""
    kinds: list[str] = []

    def fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        kinds.append("folder" if is_folder else "file")

    monkeypatch.setattr(os, "fsync", fsync)
    return kinds


def test_bytes_text_and_a_writer_are_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"bytes")
    assert path.read_bytes() == b"bytes"
    write_atomically(path, "Größe")
    assert path.read_bytes() == "Größe".encode()
    write_atomically(path, lambda file: file.write(b"written"))
    assert path.read_bytes() == b"written"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_the_file_and_then_its_folder_are_flushed_to_disk(
    tmp_path: Path, synced: list[str]
) -> None:
    write_atomically(tmp_path / "file", b"bytes")
    assert synced == ["file", "folder"]


def test_a_file_that_can_be_made_again_is_not_flushed(tmp_path: Path, synced: list[str]) -> None:
    write_atomically(tmp_path / "file", b"bytes", durable=False)
    assert synced == []


def test_the_old_file_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write(file: BinaryIO) -> None:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"

    write_atomically(path, write)
    assert path.read_bytes() == b"new"


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(file: BinaryIO) -> None:
        file.write(b"half")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        write_atomically(path, fail)
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("file", b"old")]


def test_the_mode_is_that_of_the_caller(tmp_path: Path) -> None:
    write_atomically(tmp_path / "secret", b"key", mode=0o600)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_an_existing_file_is_kept_on_request(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"first", overwrite=False)
    with pytest.raises(FileExistsError):
        write_atomically(path, b"second", overwrite=False)
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [
        ("file", b"first")
    ]


def test_temporary_files_of_killed_writers_are_removed(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def die(file: BinaryIO) -> None:
        # What a killed process leaves: a copy, because the writer removes its own.
        os.link(Path(file_name(tmp_path)), f"{file_name(tmp_path)}.part")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, die)
    (tmp_path / "other").write_bytes(b"other")
    assert len(list(tmp_path.iterdir())) == 2
    remove_temporary_files(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["other"]


def file_name(folder: Path) -> str:
    (only,) = folder.iterdir()
    return str(only)


def test_a_durable_file_is_flushed_before_the_block_ends(tmp_path: Path, synced: list[str]) -> None:
    with open_durable(tmp_path / "file") as file:
        file.write(b"bytes")
        assert synced == []
    assert synced == ["file"]
    assert (tmp_path / "file").read_bytes() == b"bytes"


def test_hashes_of_files_and_contents_agree_with_sha256sum(tmp_path: Path) -> None:
    # printf abc | sha256sum
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert file_sha256(path) == known
    with path.open("rb") as stream:
        assert file_sha256(stream) == known
    assert sha256_hex(b"abc") == sha256_hex("abc") == known
    assert sha256_hex("ü") == hashlib.sha256("ü".encode()).hexdigest()


def test_chunks_are_copied_and_hashed_at_once() -> None:
    file = io.BytesIO()
    assert copy_chunks([b"a", b"", b"bc"], file) == (3, sha256_hex(b"abc"))
    assert file.getvalue() == b"abc"


def test_a_temporary_copy_is_complete(tmp_path: Path) -> None:
    path, size, digest = save_temporary([b"ab", b"c"], prefix="copy-", folder=tmp_path)
    assert path.parent == tmp_path
    assert path.name.startswith("copy-")
    assert (path.read_bytes(), size, digest) == (b"abc", 3, sha256_hex(b"abc"))


def test_a_failed_temporary_copy_leaves_no_file(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"ab"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        save_temporary(chunks(), prefix="copy-", folder=tmp_path)
    assert not list(tmp_path.iterdir())
