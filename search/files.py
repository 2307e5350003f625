"""Atomic and durable writing of files, and SHA-256 of files and contents.

The rest of the project uses this module for files that must survive a crash.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from io import BufferedIOBase
from pathlib import Path
from typing import IO, BinaryIO

Content = bytes | str | Callable[[BinaryIO], object]
"""What to write: bytes, text (stored as UTF-8), or a function that writes to a binary file."""

_TEMPORARY_SUFFIX = ".part"


def write_atomically(
    path: Path,
    content: Content,
    *,
    mode: int = 0o666,
    overwrite: bool = True,
    durable: bool = True,
) -> None:
    """Write a file that appears under its name only when it is complete.

    1. Write a hidden temporary file in the same folder; the process's umask applies to `mode`.
    2. `fsync` it, unless `durable` is False (for files that can be made again).
    3. Rename it to `path`, and `fsync` the folder.

    The folder must exist. A failed write leaves neither the file nor the temporary file; a killed
    process may leave the latter (see `remove_temporary_files`). Raises OSError when the disk is
    full, and FileExistsError when `path` exists and `overwrite` is False.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}{_TEMPORARY_SUFFIX}")
    try:
        with open(temporary, "xb", opener=partial(os.open, mode=mode)) as file:
            _write(file, content)
            if durable:
                sync_file(file)
        if overwrite:
            os.replace(temporary, path)
        else:
            os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    if durable:
        sync_folder(path.parent)


def remove_temporary_files(path: Path) -> None:
    """Delete the temporary files that killed writers of `path` left behind."""
    for temporary in path.parent.glob(f".{path.name}.*{_TEMPORARY_SUFFIX}"):
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def open_durable(path: Path) -> Iterator[BinaryIO]:
    """Open a new file that is on disk when the block ends. Raises OSError when the disk is full."""
    with path.open("wb") as file:
        yield file
        sync_file(file)


def sync_folder(folder: Path) -> None:
    """Flush a folder to disk, so that the names inside it survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(file: IO[bytes]) -> None:
    """Flush an open file to disk."""
    file.flush()
    os.fsync(file.fileno())


def copy_chunks(chunks: Iterable[bytes], file: IO[bytes]) -> tuple[int, str]:
    """Write chunks to an open file. Return their size in bytes and their SHA-256."""
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        file.write(chunk)
        size += len(chunk)
    return size, digest.hexdigest()


def save_temporary(
    chunks: Iterable[bytes], *, prefix: str, folder: Path | None
) -> tuple[Path, int, str]:
    """Write chunks to a new temporary file. Return its path, size in bytes and SHA-256.

    The caller deletes the file. When reading or writing a chunk fails, no file is left.
    """
    with tempfile.NamedTemporaryFile(prefix=prefix, dir=folder, delete=False) as file:
        path = Path(file.name)
        try:
            return path, *copy_chunks(chunks, file)
        except BaseException:
            path.unlink()
            raise


def file_sha256(file: Path | BufferedIOBase) -> str:
    """Return the SHA-256 of a file, or of an open file from its position on, in hexadecimal."""
    if isinstance(file, Path):
        with file.open("rb") as stream:
            return file_sha256(stream)
    return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_hex(content: bytes | str) -> str:
    """Return the SHA-256 of bytes or of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(_as_bytes(content)).hexdigest()


def _write(file: BinaryIO, content: Content) -> None:
    if callable(content):
        content(file)
    else:
        file.write(_as_bytes(content))


def _as_bytes(content: bytes | str) -> bytes:
    return content.encode() if isinstance(content, str) else content
