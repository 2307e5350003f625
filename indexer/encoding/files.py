"""Stored media for decoders: read into memory, or as a file on this machine's disk."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

from django.conf import settings
from django.core.files.storage import default_storage

from search.errors import MediaTooLarge, Unavailable

Got = TypeVar("Got")

COPY_CHUNK_BYTES = 1024 * 1024


def read_file(name: str, max_bytes: int) -> bytes:
    """Read a stored file. Raises MediaTooLarge, and Unavailable when the store fails."""
    data = _from_store(name, lambda file: file.read(max_bytes + 1))
    if len(data) > max_bytes:
        raise _too_large(len(data), max_bytes)
    return data


@contextmanager
def local_file(name: str, max_bytes: int) -> Iterator[Path]:
    """Give the path of a stored file: its own, or of a temporary copy from a remote store.

    Raises MediaTooLarge, and Unavailable when the store fails.
    """
    own = _own_path(name)
    if own is None:
        with tempfile.NamedTemporaryFile(prefix="clip-", dir=settings.FILE_UPLOAD_TEMP_DIR) as copy:
            _from_store(name, lambda file: _copy(file, copy, max_bytes))
            yield Path(copy.name)
    elif own.is_file():
        yield own
    else:
        raise Unavailable("the media store did not give the file", value=name)


def _own_path(name: str) -> Path | None:
    """Return None when the store is not a folder."""
    try:
        return Path(default_storage.path(name))
    except NotImplementedError:
        return None


def _copy(source: IO[bytes], target: IO[bytes], max_bytes: int) -> None:
    while piece := source.read(COPY_CHUNK_BYTES):
        target.write(piece)
        if target.tell() > max_bytes:
            raise _too_large(target.tell(), max_bytes)
    target.flush()


def _from_store(name: str, take: Callable[[IO[bytes]], Got]) -> Got:
    try:
        with default_storage.open(name) as file:
            return take(file)
    except MediaTooLarge:
        raise
    except Exception as error:
        # Media stores are pluggable and share no base for their errors.
        raise Unavailable("the media store did not give the file", value=name) from error


def _too_large(size: int, max_bytes: int) -> MediaTooLarge:
    return MediaTooLarge("the file is too large", value=size, fix=f"At most {max_bytes} bytes.")
