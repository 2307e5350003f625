"""Messages between the sandbox process and its parent: a JSON header and raw bytes.

Nothing is pickled, so a process that has been taken over cannot run code in its parent. The pipe
is the only buffer: a sandbox process whose reader is busy waits.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from io import FileIO
from typing import Any

_LENGTHS = struct.Struct(">II")
_STDOUT = 1
_MAX_HEADER_BYTES = 1024**2
_MAX_PAYLOAD_BYTES = 64 * 1024**2


class ClipRejected(Exception):
    """The clip cannot be used; `error` is one of the words that `__main__.py` lists."""

    def __init__(self, error: str, value: str = "") -> None:
        self.error = error
        self.value = value
        super().__init__(error)


@dataclass(frozen=True, slots=True)
class Message:
    """Fields, and the raw bytes that they describe."""

    header: dict[str, Any]
    payload: bytearray


def send(header: Mapping[str, Any], payload: bytes | memoryview = b"") -> None:
    """Write one message to standard output; wait while the pipe is full."""
    fields = json.dumps(header).encode()
    _write(_LENGTHS.pack(len(fields), len(payload)) + fields)
    _write(payload)


def _write(data: bytes | memoryview) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(_STDOUT, left) :]


class MessagePipe:
    """Reads messages from a pipe. `seconds_left` is how long it may still wait for the writer."""

    def __init__(self, stream: FileIO, seconds: float) -> None:
        self._stream = stream
        self._poll = select.poll()
        self._poll.register(stream, select.POLLIN)
        self.seconds_left = seconds

    def read(self) -> Message | None:
        """Return the next message, or None when the writer has closed the pipe.

        Raises TimeoutError.
        """
        lengths = self._read_bytes(_LENGTHS.size)
        if not lengths:
            return None
        header, payload = _LENGTHS.unpack(lengths)
        if header > _MAX_HEADER_BYTES or payload > _MAX_PAYLOAD_BYTES:
            # Only a process that has been taken over sends this: it counts as crashed.
            return None
        fields, content = self._read_bytes(header), self._read_bytes(payload)
        is_complete = len(fields) == header and len(content) == payload
        return Message(json.loads(fields), content) if is_complete else None

    def _read_bytes(self, size: int) -> bytearray:
        """Return `size` bytes, or fewer when the pipe is closed before."""
        data = bytearray(size)
        count = 0
        with memoryview(data) as view:
            while count < size:
                started = time.monotonic()
                is_ready = self._poll.poll(max(self.seconds_left, 0.0) * 1000)
                self.seconds_left -= time.monotonic() - started
                if not is_ready:
                    raise TimeoutError
                read = self._stream.readinto(view[count:])
                if not read:
                    break
                count += read
        return data[:count]
