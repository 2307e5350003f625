"""The short-lived child process that meets an uploaded clip, and what it tells.

The parent reads 64 bytes, pins the one demuxer for them (`search/media/file_formats.py`) and
hands the child nothing but the path. The child (`search/media/sandbox`) limits its own memory,
CPU time and files before it imports FFmpeg, gives FFmpeg a stream instead of a name and allows
it no protocol, so a file can neither reach another file or address nor exhaust the worker;
should FFmpeg crash, only the child dies.

What it finds comes through a pipe as messages: a JSON header and raw bytes, never an object to
be unpickled. The pipe is the only buffer: a child whose reader is busy waits.
"""

from __future__ import annotations

import json
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from typing import Any, cast

from search.errors import MediaError, MediaTooLarge, MediaUnreadable, MediaUnsupported
from search.media.clip_limits import ClipLimits
from search.media.file_formats import FileFormat, accepted_format

_ENTRY = Path(__file__).with_name("__main__.py")
_LENGTHS = struct.Struct(">II")
_LONGEST_HEADER = 1024**2
_LONGEST_PAYLOAD = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class Message:
    """What the child says at once: fields, and raw bytes that they describe."""

    header: dict[str, Any]
    payload: bytearray


def clip_format(path: Path, limits: ClipLimits) -> FileFormat:
    """The format of a clip, told by its first bytes.

    Raises MediaUnsupported for what is no clip, MediaTooLarge by its bytes and MediaUnreadable
    for an empty file. An OSError of reading the file itself passes through.
    """
    found = accepted_format(path)
    if not found.demuxer:
        raise MediaUnsupported("the file is neither audio nor video", value=found.name)
    size = path.stat().st_size
    if size > limits.max_bytes:
        raise MediaTooLarge(
            f"the clip is over the limit of {limits.max_bytes} bytes",
            value=size,
            fix="Cut it shorter.",
        )
    return found


def ask_child(task: str, path: Path, limits: ClipLimits, **asked: object) -> Generator[Message]:
    """The messages of a child that does `task` (a module of `search/media/sandbox`) with the
    clip, as they come.

    Only time spent waiting for the child counts towards its limit, which a message with
    `seconds`, the play time, extends. Closing the iterator ends the child. Raises what
    `clip_format` raises, and MediaTooLarge, MediaUnreadable or MediaUnsupported for what the
    child refuses or dies of.
    """
    demuxer = clip_format(path, limits).demuxer
    question = {
        "task": task,
        "path": str(path.absolute()),
        "demuxer": demuxer,
        **asdict(limits),
        **asked,
    }
    with subprocess.Popen(
        [sys.executable, "-I", str(_ENTRY), json.dumps(question)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        # No environment: the process that meets hostile files should hold no secret.
        env={},
    ) as child:
        try:
            yield from _told(child, limits)
        finally:
            child.kill()


def _told(child: subprocess.Popen[bytes], limits: ClipLimits) -> Generator[Message]:
    # Popen's type cannot tell that this pipe was asked for, without a buffer.
    pipe = _Pipe(cast("FileIO", child.stdout), limits.time_limit_s)
    try:
        while (message := pipe.message()) is not None:
            if "error" in message.header:
                raise _refusal(message.header["error"], message.header.get("value"), limits)
            pipe.left += limits.time_per_second * min(
                message.header.get("seconds", 0.0), limits.max_seconds
            )
            yield message
        status = child.wait(max(pipe.left, 1.0))
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        raise _refusal("time", None, limits) from error
    if status:
        raise _refusal(
            "time" if status == -signal.SIGXCPU else "crash", f"exit status {status}", limits
        )


class _Pipe:
    """Reads messages. `left` is how many seconds may still be waited for the other end."""

    def __init__(self, stream: FileIO, seconds: float) -> None:
        self._stream = stream
        self._poll = select.poll()
        self._poll.register(stream, select.POLLIN)
        self.left = seconds

    def message(self) -> Message | None:
        """The next message, or None where the other end has closed the pipe. Raises
        TimeoutError.
        """
        lengths = self._exactly(_LENGTHS.size)
        if not lengths:
            return None
        header, payload = _LENGTHS.unpack(lengths)
        if header > _LONGEST_HEADER or payload > _LONGEST_PAYLOAD:
            return None  # Only a child that has been taken over says this; it is ended and counts as crashed.
        fields, content = self._exactly(header), self._exactly(payload)
        return (
            Message(json.loads(fields), content)
            if len(fields) == header and len(content) == payload
            else None
        )

    def _exactly(self, size: int) -> bytearray:
        """`size` bytes, or fewer where the pipe was closed before."""
        data = bytearray(size)
        got = 0
        with memoryview(data) as view:
            while got < size:
                began = time.monotonic()
                ready = self._poll.poll(max(self.left, 0.0) * 1000)
                self.left -= time.monotonic() - began
                if not ready:
                    raise TimeoutError
                read = self._stream.readinto(view[got:])
                if not read:
                    break
                got += read
        return data[:got]


def _refusal(error: str, value: str | None, limits: ClipLimits) -> MediaError:
    too_large = {
        "too_long": f"the clip is over the limit of {limits.max_seconds:g} seconds",
        "frame_too_large": f"the frame is over the limit of {limits.max_pixels} pixels",
        "memory": f"reading the clip takes over {limits.memory_bytes} bytes of memory",
        "time": f"reading the clip takes over {limits.time_limit_s:g} seconds",
    }
    if error in too_large:
        return MediaTooLarge(
            too_large[error], value=value, fix="Cut it shorter or save it smaller."
        )
    unsupported = {
        "no_codec": "the clip is packed by a codec that cannot be read",
        "channels": "the sound has more channels than can be mixed to one",
        "rate": "the sound has a sampling rate that cannot be read",
    }
    if error in unsupported:
        return MediaUnsupported(unsupported[error], value=value, fix="Convert it.")
    problem = (
        "the file holds neither sound nor moving pictures"
        if error == "no_stream"
        else "the clip is corrupt"
    )
    return MediaUnreadable(problem, value=value, fix="Save or upload it again.")
