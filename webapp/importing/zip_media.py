"""A zip of media: checked when it is opened, and read one entry at a time.

Entries are never extracted under their own names.
"""

from __future__ import annotations

import stat
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from search.errors import InputError, MediaTooLarge, MediaUnreadable
from search.files import save_temporary

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CHUNK = 256 * 1024
_READ_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True, slots=True)
class ZipLimits:
    """Maximum number of entries, unpacked bytes in total, and unpacked to packed ratio."""

    entries: int = 200_000
    total_bytes: int = 64 * 1024**3
    ratio: float = 200.0


class ZipArchive:
    """Reads entries by their names in NFC with forward slashes. Thread-safe."""

    def __init__(self, path: Path, limits: ZipLimits) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (*_READ_ERRORS, ValueError) as error:
            raise InputError(
                "the zip cannot be read", value=path.name, fix="Pack it again."
            ) from error
        try:
            self._entries = _check_entries(self._zip.infolist(), limits)
        except BaseException:
            self._zip.close()
            raise
        self._spellings = {name.casefold(): name for name in self._entries}

    def close(self) -> None:
        self._zip.close()

    def unpack(self, name: str, max_bytes: int, folder: Path | None) -> tuple[Path, int, str]:
        """Unpack an entry. Return the path of a temporary file, its size and its SHA-256.

        Raises InputError for an unknown name, MediaTooLarge over `max_bytes`, MediaUnreadable for
        a damaged entry.
        """
        entry = self._entries.get(name)
        if entry is None:
            other = self._spellings.get(name.casefold())
            fix = f"There is {other}: names are case-sensitive." if other else ""
            raise InputError("there is no such file in the zip", value=name, fix=fix)
        if entry.file_size > max_bytes:
            raise MediaTooLarge(
                f"{name} is over the limit of {max_bytes} bytes", value=entry.file_size
            )
        try:
            return self._copy(entry, folder)
        except _READ_ERRORS as error:
            raise MediaUnreadable(
                "the file is damaged inside the zip", value=name, fix="Pack it again."
            ) from error

    def _copy(self, entry: zipfile.ZipInfo, folder: Path | None) -> tuple[Path, int, str]:
        # The reader returns at most the stated size, which was checked, whatever the packed bytes
        # unpack to.
        with self._zip.open(entry) as packed:
            chunks = iter(partial(packed.read, _CHUNK), b"")
            return save_temporary(chunks, prefix="unpacked-", folder=folder)


def _check_entries(entries: list[zipfile.ZipInfo], limits: ZipLimits) -> dict[str, zipfile.ZipInfo]:
    """Return the files of a zip by their normalised names. Raises InputError."""
    _check_sizes(entries, limits)
    files: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        if entry.is_dir() or stat.S_ISLNK(entry.external_attr >> 16):
            continue
        name = unicodedata.normalize("NFC", entry.filename.replace("\\", "/"))
        if entry.flag_bits & 1:
            raise InputError("the zip is encrypted", value=name, fix="Pack it without a password.")
        if entry.compress_type not in _METHODS:
            raise InputError(
                "the zip uses another method than deflate", value=name, fix="Pack it again."
            )
        if name in files:
            raise InputError(
                "the zip holds two files of one name", value=name, fix="Keep one of them."
            )
        files[name] = entry
    return files


def _check_sizes(entries: list[zipfile.ZipInfo], limits: ZipLimits) -> None:
    if len(entries) > limits.entries:
        raise InputError(
            f"the zip is over the limit of {limits.entries} entries", value=len(entries)
        )
    total = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if total > limits.total_bytes:
        raise InputError(
            f"the zip unpacks to over the limit of {limits.total_bytes} bytes", value=total
        )
    if total > limits.ratio * max(packed, 1):
        raise InputError(f"the zip unpacks to over {limits.ratio:g} times its size", value=total)
