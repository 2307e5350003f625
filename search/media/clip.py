"""Proof that an audio or video file opens, within limits. FFmpeg runs only in a short-lived child process.

The parent reads 64 bytes, pins the one demuxer for them (`search/media/kinds.py`) and hands the child nothing but the
path. The child limits its own memory, CPU time and files before it imports FFmpeg, gives FFmpeg a stream instead of a
name and allows it no protocol, so a file can neither reach another file or address nor exhaust the worker; should
FFmpeg crash, only the child dies.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from search.config import EngineSettings
from search.errors import MediaError, MediaTooLarge, MediaUnreadable, MediaUnsupported
from search.media.kinds import accepted_format
from search.types import Modality

_CHILD = Path(__file__).with_name("clip_child.py")


@dataclass(frozen=True, slots=True)
class ClipLimits:
    """Largest file (bytes), play time (seconds) and frame (pixels); what the child process may spend."""

    max_bytes: int
    max_seconds: float
    max_pixels: int = 4096 * 4096
    time_limit_s: float = 30.0
    memory_bytes: int = 1024**3

    @classmethod
    def from_settings(cls, settings: EngineSettings) -> ClipLimits:
        return cls(max_bytes=settings.clip_max_bytes, max_seconds=settings.clip_max_seconds)


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What a clip holds. `seconds` is its play time; width and height, in pixels, are 0 for audio."""

    kind: Modality
    seconds: float
    width: int
    height: int
    container: str
    codecs: tuple[str, ...]


def probe_clip(path: Path, limits: ClipLimits) -> ClipInfo:
    """Open the clip and decode its first frame of every kind. Costs one short process, about 0.15 s.

    A cover picture inside an audio file does not make it a video. A file without a play time in its header is read
    through. Raises MediaTooLarge (bytes, seconds, frame size, or time and memory of the child), MediaUnreadable
    (empty or corrupt) and MediaUnsupported (format not accepted, playlists among them). An OSError of reading the
    file itself passes through.
    """
    found = accepted_format(path)
    if not found.demuxer:
        raise MediaUnsupported("the file is neither audio nor video", value=found.name)
    size = path.stat().st_size
    if size > limits.max_bytes:
        raise MediaTooLarge(
            f"the clip is over the limit of {limits.max_bytes} bytes", value=size, fix="Cut it shorter."
        )
    told = _ask_child(path, found.demuxer, limits)
    if "error" in told:
        raise _refusal(told["error"], told.get("value"), limits)
    kind = Modality.VIDEO if told["width"] else Modality.AUDIO
    return ClipInfo(kind, told["seconds"], told["width"], told["height"], found.name, tuple(told["codecs"]))


def _ask_child(path: Path, demuxer: str, limits: ClipLimits) -> dict[str, Any]:
    question = json.dumps({"path": str(path.absolute()), "demuxer": demuxer, **asdict(limits)})
    try:
        # No environment: the process that meets hostile files should hold no secret.
        child = subprocess.run(
            [sys.executable, "-I", str(_CHILD), question],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limits.time_limit_s,
            env={},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"error": "time"}
    if child.returncode != 0:
        return {"error": "crash", "value": f"exit status {child.returncode}"}
    answer: dict[str, Any] = json.loads(child.stdout)
    return answer


def _refusal(error: str, value: str | None, limits: ClipLimits) -> MediaError:
    too_large = {
        "too_long": f"the clip is over the limit of {limits.max_seconds:g} seconds",
        "frame_too_large": f"the frame is over the limit of {limits.max_pixels} pixels",
        "memory": f"opening the clip takes over {limits.memory_bytes} bytes of memory",
        "time": f"opening the clip takes over {limits.time_limit_s:g} seconds",
    }
    if error in too_large:
        return MediaTooLarge(too_large[error], value=value, fix="Cut it shorter or save it smaller.")
    problem = "the file holds neither sound nor moving pictures" if error == "no_stream" else "the clip is corrupt"
    return MediaUnreadable(problem, value=value, fix="Save or upload it again.")
