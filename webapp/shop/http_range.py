"""Byte ranges of a file (RFC 9110, section 14), so that browsers can seek in clips."""

from __future__ import annotations

import re
from typing import BinaryIO

_RANGE = re.compile(r"^\s*bytes=\s*(\d*)-(\d*)\s*$")


class Unsatisfiable(ValueError):
    """The range is outside the file; the response is 416."""


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the first and last byte of a Range header, both included; None for the whole file.

    Several ranges, other units and malformed headers are ignored, as RFC 9110, section 14.2
    allows. Raises Unsatisfiable.
    """
    match = _RANGE.match(header)
    if not match or match.group(0).strip() == "bytes=-":
        return None
    first, last = match.groups()
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
    """Reads `length` bytes of an open file from `start`; closing it closes the file."""

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
