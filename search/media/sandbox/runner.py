"""Runs the short-lived process that decodes an uploaded clip.

The parent reads 64 bytes, pins the one demuxer for them (`search/media/file_formats.py`) and
gives the process only the path. The process (`search/media/sandbox/__main__.py`) limits its own
memory, CPU time and files before it imports FFmpeg, gives FFmpeg a stream instead of a name and
allows it no protocol. So a file can neither reach another file or address nor exhaust the
worker; if FFmpeg crashes, only the process dies.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import asdict
from io import FileIO
from pathlib import Path
from typing import Generic, Self, TypeVar, cast

from search.errors import MediaError, MediaTooLarge, MediaUnreadable, MediaUnsupported
from search.media.file_formats import FileFormat, detect_format
from search.media.limits import ClipLimits
from search.media.sandbox.protocol import Message, MessagePipe

__all__ = ["ClipReader", "Message", "detect_clip_format", "run_in_sandbox"]

_MAIN = Path(__file__).with_name("__main__.py")

PieceT = TypeVar("PieceT")


def detect_clip_format(path: Path, limits: ClipLimits) -> FileFormat:
    """Return the format of a clip, detected from its first bytes.

    Raises MediaUnsupported for a file that is no clip, MediaTooLarge for its size and
    MediaUnreadable for an empty file; an OSError of reading the file passes through.
    """
    found = detect_format(path)
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


def run_in_sandbox(
    task: str, path: Path, limits: ClipLimits, **options: object
) -> Generator[Message]:
    """Run `task` (a module of `search/media/sandbox`) on the clip; yield its messages.

    Only time spent waiting for the process counts towards its limit; a message with `seconds`,
    the play time, extends the limit. Closing the iterator ends the process. Raises what
    `detect_clip_format` raises, and MediaTooLarge, MediaUnreadable or MediaUnsupported when the
    process rejects the clip or dies.
    """
    request = {
        "task": task,
        "path": str(path.absolute()),
        "demuxer": detect_clip_format(path, limits).demuxer,
        **asdict(limits),
        **options,
    }
    with subprocess.Popen(
        [sys.executable, "-I", str(_MAIN), json.dumps(request)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        # No environment: the process that reads hostile files should hold no secret.
        env={},
    ) as process:
        try:
            yield from _read_messages(process, limits)
        finally:
            process.kill()


class ClipReader(ABC, Generic[PieceT]):
    """Iterates over what the sandbox process decodes of a clip, piece by piece.

    A piece is decoded when it is asked for. `seconds` is the play time. `truncated` tells, after
    the last piece, that the clip broke off or that parts of it could not be decoded.
    """

    def __init__(self, messages: Generator[Message]) -> None:
        self._pieces = self._read(messages)
        self.seconds = 0.0
        self.truncated = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> PieceT:
        return next(self._pieces)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process, also before the last piece."""
        self._pieces.close()

    @abstractmethod
    def _decode(self, message: Message) -> PieceT | None:
        """Return the piece in the message, if any."""

    @abstractmethod
    def _check_result(self, pieces: int) -> None:
        """Raise MediaUnreadable when this number of pieces is too few."""

    def _read(self, messages: Generator[Message]) -> Generator[PieceT]:
        count = 0
        try:
            with closing(messages):
                for message in messages:
                    self.seconds = message.header.get("seconds", self.seconds)
                    self.truncated = not message.header.get("whole", True)
                    piece = self._decode(message)
                    if piece is not None:
                        count += 1
                        yield piece
        except MediaUnreadable:
            if not count:
                raise
            self.truncated = True
        self._check_result(count)


def _read_messages(process: subprocess.Popen[bytes], limits: ClipLimits) -> Iterator[Message]:
    # Popen's type does not tell that this pipe exists and is not buffered.
    pipe = MessagePipe(cast("FileIO", process.stdout), limits.time_limit_s)
    try:
        while (message := pipe.read()) is not None:
            if "error" in message.header:
                raise _to_error(message.header["error"], message.header.get("value"), limits)
            pipe.seconds_left += limits.time_per_second * min(
                message.header.get("seconds", 0.0), limits.max_seconds
            )
            yield message
        status = process.wait(max(pipe.seconds_left, 1.0))
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        raise _to_error("time", None, limits) from error
    if status:
        cause = "time" if status == -signal.SIGXCPU else "crash"
        raise _to_error(cause, f"exit status {status}", limits)


def _to_error(error: str, value: str | None, limits: ClipLimits) -> MediaError:
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
        "no_codec": "the clip has a codec that cannot be read",
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
