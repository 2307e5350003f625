"""One byte range of a file (RFC 9110, section 14), so that browsers can seek in sounds and
videos.
"""

from __future__ import annotations

import re
from typing import BinaryIO

_RANGE = re.compile(r"^\s*bytes=\s*(\d*)-(\d*)\s*$")


class Unsatisfiable(ValueError):
    """The range lies outside the file: answered with 416."""


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte asked for, both included. None where the whole file is to be sent.

    Several ranges, other units and malformed headers may be ignored (RFC 9110, section 14.2).
    Raises Unsatisfiable.
    """
    found = _RANGE.match(header)
    if not found or found.group(0).strip() == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < start:
            return None
    if start > end:
        raise Unsatisfiable(f"{header} of {size} bytes")
    return start, end


class FileWindow:
    """`length` bytes of an open file from `start`; closing it closes the file."""

    def __init__(self, file: BinaryIO, start: int, length: int) -> None:
        file.seek(start)
        self._file = file
        self._left = length

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._file.close()
