"""Mapped files that the system may not page out."""

from __future__ import annotations

import ctypes
import os
import re
import resource
from pathlib import Path

from search.errors import ConfigError

_MAPPING = re.compile(r"(?P<start>[0-9a-f]+)-(?P<end>[0-9a-f]+) \S+ \S+ \S+ \d+ +(?P<path>/.*)")
"""A line of /proc/self/maps, see proc_pid_maps(5)."""


def lock_mapped(folder: Path) -> None:
    """Bring everything into memory that this process has mapped of the files in `folder`, and keep it there until it is
    unmapped, as mlock(2) does. Raises ConfigError where the limit on locked memory does not allow it.

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
    found = [_MAPPING.match(line) for line in Path("/proc/self/maps").read_text("utf-8", "replace").splitlines()]
    ranges = [(int(hit["start"], 16), int(hit["end"], 16)) for hit in found if hit and hit["path"].startswith(inside)]
    return [(start, end - start) for start, end in ranges]


def _refused(folder: Path, wanted: int, number: int) -> ConfigError:
    limit, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    return ConfigError(
        f"{wanted:,} bytes of {folder} cannot be locked in memory ({os.strerror(number)}); the limit on locked memory",
        value=limit,
        fix="Raise it (ulimit -l, LimitMEMLOCK= of systemd, ulimits: memlock of Compose), or set "
        "OMNISHELF_INDEX_LOCK_MEMORY=false.",
    )
