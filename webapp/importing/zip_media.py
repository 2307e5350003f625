"""A zip of media: checked as a whole when it is opened, read one entry at a time, never
extracted by its own names.
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
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True, slots=True)
class ZipLimits:
    """Most entries, most bytes unpacked in all, and how many times larger than packed they may
    be in all.
    """

    entries: int = 200_000
    total_bytes: int = 64 * 1024**3
    ratio: float = 200.0


class ZipArchive:
    """Reads entries by their normalised names: NFC, forward slashes. Thread-safe."""

    def __init__(self, path: Path, limits: ZipLimits) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (*_DAMAGED, ValueError) as error:
            raise InputError(
                "the zip cannot be read", value=path.name, fix="Pack it again."
            ) from error
        try:
            self._entries = _checked(self._zip.infolist(), limits)
        except BaseException:
            self._zip.close()
            raise
        self._spellings = {name.casefold(): name for name in self._entries}

    def close(self) -> None:
        self._zip.close()

    def unpack(self, name: str, max_bytes: int, folder: Path | None) -> tuple[Path, int, str]:
        """The entry in a temporary file, its size and SHA-256.

        Raises InputError where there is none, MediaTooLarge over `max_bytes`, MediaUnreadable
        where it is damaged.
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
        except _DAMAGED as error:
            raise MediaUnreadable(
                "the file is damaged inside the zip", value=name, fix="Pack it again."
            ) from error

    def _copy(self, entry: zipfile.ZipInfo, folder: Path | None) -> tuple[Path, int, str]:
        # The reader gives no more than the stated size, which was checked, whatever the packed
        # bytes unpack to.
        with self._zip.open(entry) as packed:
            chunks = iter(partial(packed.read, _CHUNK), b"")
            return save_temporary(chunks, prefix="unpacked-", folder=folder)


def _checked(entries: list[zipfile.ZipInfo], limits: ZipLimits) -> dict[str, zipfile.ZipInfo]:
    if len(entries) > limits.entries:
        raise InputError(
            f"the zip is over the limit of {limits.entries} entries", value=len(entries)
        )
    total, packed = sum(one.file_size for one in entries), sum(one.compress_size for one in entries)
    if total > limits.total_bytes:
        raise InputError(
            f"the zip unpacks to over the limit of {limits.total_bytes} bytes", value=total
        )
    if total > limits.ratio * max(packed, 1):
        raise InputError(f"the zip unpacks to over {limits.ratio:g} times its size", value=total)
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        name = unicodedata.normalize("NFC", entry.filename.replace("\\", "/"))
        if entry.is_dir() or stat.S_ISLNK(entry.external_attr >> 16):
            continue
        if entry.flag_bits & 1:
            raise InputError("the zip is encrypted", value=name, fix="Pack it without a password.")
        if entry.compress_type not in _METHODS:
            raise InputError(
                "the zip is packed by another method than deflate", value=name, fix="Pack it again."
            )
        if name in found:
            raise InputError(
                "the zip holds two files of one name", value=name, fix="Keep one of them."
            )
        found[name] = entry
    return found
