"""Lock mapped files in memory, so that the system cannot page them out."""

from __future__ import annotations

import ctypes
import os
import resource
from pathlib import Path

import psutil

from search.errors import ConfigError


def lock_mapped(folder: Path) -> None:
    """Read all mappings of files in `folder` into memory and lock them until they are unmapped.

    Uses mlock(2). Mappings are found through the process's memory maps, because FAISS does not say
    where it mapped a file. Raises ConfigError where the limit on locked memory is too low.
    """
    ranges = _find_mappings(folder)
    libc = ctypes.CDLL(None, use_errno=True)
    for start, length in ranges:
        if libc.mlock(ctypes.c_void_p(start), ctypes.c_size_t(length)):
            raise _to_error(folder, sum(length for _, length in ranges), ctypes.get_errno())


def _find_mappings(folder: Path) -> list[tuple[int, int]]:
    """Return the address and bytes of each mapping."""
    prefix = f"{folder.resolve()}{os.sep}"
    ranges = []
    for mapping in psutil.Process().memory_maps(grouped=False):
        if mapping.path.startswith(prefix):
            start, end = (int(address, 16) for address in mapping.addr.split("-"))
            ranges.append((start, end - start))
    return ranges


def _to_error(folder: Path, wanted: int, code: int) -> ConfigError:
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return ConfigError(
        f"{wanted:,} bytes of {folder} cannot be locked in memory ({os.strerror(code)}); the limit "
        "on locked memory",
        value=limit,
        fix="Raise it (ulimit -l, LimitMEMLOCK= of systemd, ulimits: memlock of Compose), or set "
        "OMNISHELF_INDEX_LOCK_MEMORY=false.",
    )
