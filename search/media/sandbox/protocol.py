"""What the child process says: messages as `search/media/sandbox/runner.py` reads them."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from typing import Any

_LENGTHS = struct.Struct(">II")
_STDOUT = 1


class Refused(Exception):
    """The clip is refused; `error` is one of the words that `entry.py` lists."""

    def __init__(self, error: str, value: str = "") -> None:
        self.error = error
        self.value = value
        super().__init__(error)


def send(header: Mapping[str, Any], payload: bytes | memoryview = b"") -> None:
    """Write one message; waits while the pipe is full."""
    fields = json.dumps(header).encode()
    _write(_LENGTHS.pack(len(fields), len(payload)) + fields)
    _write(payload)


def _write(data: bytes | memoryview) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(_STDOUT, left) :]
