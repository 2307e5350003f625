"""Mapped files that the system may not page out."""

from __future__ import annotations

import ctypes
import os
import resource
from pathlib import Path

import psutil

from search.errors import ConfigError


def lock_mapped(folder: Path) -> None:
    """Bring everything into memory that this process has mapped of the files in `folder`, and
    keep it there until it is unmapped, as mlock(2) does. Raises ConfigError where the limit on
    locked memory does not allow it.

    Found by their mappings, because FAISS does not say where it has mapped a file.
    """
    ranges = _mapped_from(folder)
    libc = ctypes.CDLL(None, use_errno=True)
    for start, length in ranges:
        if libc.mlock(ctypes.c_void_p(start), ctypes.c_size_t(length)):
            raise _refused(folder, sum(length for _, length in ranges), ctypes.get_errno())


def _mapped_from(folder: Path) -> list[tuple[int, int]]:
    """Address and bytes of each mapping."""
    inside = f"{folder.resolve()}{os.sep}"
    addresses = [
        part.addr
        for part in psutil.Process().memory_maps(grouped=False)
        if part.path.startswith(inside)
    ]
    ranges = [
        (int(start, 16), int(end, 16))
        for start, end in (address.split("-") for address in addresses)
    ]
    return [(start, end - start) for start, end in ranges]


def _refused(folder: Path, wanted: int, number: int) -> ConfigError:
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return ConfigError(
        f"{wanted:,} bytes of {folder} cannot be locked in memory ({os.strerror(number)}); the limit on locked memory",
        value=limit,
        fix="Raise it (ulimit -l, LimitMEMLOCK= of systemd, ulimits: memlock of Compose), or set "
        "OMNISHELF_INDEX_LOCK_MEMORY=false.",
    )
