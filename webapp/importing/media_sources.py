"""Sources of media files: a folder, a zip, the web.

The size of each file is limited, and it is hashed while it is read.
"""

from __future__ import annotations

import os
import posixpath
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import unquote, urlsplit

from search.errors import InputError, MediaTooLarge
from search.files import file_sha256
from search.media.fetch.address_policy import AddressPolicy
from search.media.fetch.download import FetchLimits, fetch_url
from webapp.importing.media_paths import check_media_path, is_url
from webapp.importing.zip_media import ZipArchive, ZipLimits

__all__ = [
    "FolderMedia",
    "MediaFile",
    "MediaResolver",
    "MediaSource",
    "UrlMedia",
    "ZipLimits",
    "ZipMedia",
]


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file that a row names. `with` removes it if it is temporary."""

    path: Path
    name: str
    size: int
    sha256: str
    temporary: bool

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self.temporary:
            self.path.unlink(missing_ok=True)


class MediaSource(Protocol):
    """Opens the files of references. Thread-safe.

    Raises InputError (a bad reference, nothing there, nowhere to look), MediaTooLarge,
    FetchRejected, FetchFailed.
    """

    def open(self, reference: str) -> MediaFile: ...


class FolderMedia:
    """Files below `root`. References are relative to `base`, which is `root` or lies below it."""

    def __init__(self, root: Path, max_bytes: int, *, base: Path | None = None) -> None:
        self._root = root.resolve()
        self._base = (base or root).resolve()
        self._max_bytes = max_bytes
        if not self._root.is_dir() or not self._base.is_relative_to(self._root):
            raise InputError("the media folder does not exist", value=str(base or root))

    def open(self, reference: str) -> MediaFile:
        """Return the file in its place; nothing is copied."""
        path = self._find(_check_path(reference), reference)
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            if status.st_size > self._max_bytes:
                raise _too_large(reference, status.st_size, self._max_bytes)
            digest = file_sha256(stream)
        return MediaFile(path, path.name, status.st_size, digest, temporary=False)

    def _find(self, clean: str, reference: str) -> Path:
        # macOS decomposes the characters of names, spreadsheets compose them.
        for spelling in dict.fromkeys(
            (clean, unicodedata.normalize("NFC", clean), unicodedata.normalize("NFD", clean))
        ):
            plain = Path(os.path.normpath(self._base / spelling))
            if not plain.is_relative_to(self._root) or not plain.resolve().is_relative_to(
                self._root
            ):
                raise InputError("the path leads out of the media folder", value=reference)
            # Opening a pipe or a device could block for ever.
            if plain.exists() and stat.S_ISREG(plain.stat().st_mode):
                return plain.resolve()
        raise InputError(
            "there is no such file in the media folder",
            value=reference,
            fix="Names are case-sensitive.",
        )


class ZipMedia:
    """Files inside a zip, unpacked one at a time into temporary files."""

    def __init__(
        self,
        path: Path,
        max_bytes: int,
        limits: ZipLimits | None = None,
        *,
        folder: Path | None = None,
    ) -> None:
        self._archive = ZipArchive(path, limits or ZipLimits())
        self._max_bytes = max_bytes
        self._folder = folder

    def open(self, reference: str) -> MediaFile:
        name = unicodedata.normalize("NFC", _check_path(reference))
        if name.startswith("../"):
            raise InputError("the path leads out of the zip", value=reference)
        path, size, digest = self._archive.unpack(name, self._max_bytes, self._folder)
        return MediaFile(path, posixpath.basename(name), size, digest, temporary=True)

    def close(self) -> None:
        self._archive.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


class UrlMedia:
    """Files on public web hosts, fetched into temporary files."""

    def __init__(
        self,
        limits: FetchLimits,
        *,
        policy: AddressPolicy | None = None,
        folder: Path | str | None = None,
    ) -> None:
        self._limits = limits
        self._policy = policy
        self._folder = Path(folder) if folder else None

    def open(self, reference: str) -> MediaFile:
        found = fetch_url(reference, self._limits, policy=self._policy, folder=self._folder)
        name = posixpath.basename(unquote(urlsplit(found.url).path))
        return MediaFile(found.path, name, found.size, found.sha256, temporary=True)


class MediaResolver:
    """Opens URLs from one source and paths from another."""

    def __init__(self, files: MediaSource | None, urls: MediaSource | None) -> None:
        self._files = files
        self._urls = urls

    def open(self, reference: str) -> MediaFile:
        source = self._urls if is_url(reference) else self._files
        if source is None:
            what = (
                "URLs are not fetched here"
                if is_url(reference)
                else "no media folder or zip was given"
            )
            raise InputError(what, value=reference)
        return source.open(reference)


def _check_path(reference: str) -> str:
    if is_url(reference):
        raise InputError("a URL is not a file name", value=reference)
    return check_media_path(reference)


def _too_large(reference: str, size: int, max_bytes: int) -> MediaTooLarge:
    return MediaTooLarge(f"{reference} is over the limit of {max_bytes} bytes", value=size)
