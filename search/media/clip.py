"""Proof that an audio or video file opens, within limits; read by a child process
(`search/media/sandbox/runner.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from search.media.clip_limits import ClipLimits
from search.media.sandbox.runner import ask_child, clip_format
from search.types import Modality

__all__ = ["ClipInfo", "ClipLimits", "probe_clip"]


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What a clip holds. `seconds` is its play time; width and height, in pixels, are 0 for
    audio.
    """

    kind: Modality
    seconds: float
    width: int
    height: int
    container: str
    codecs: tuple[str, ...]


def probe_clip(path: Path, limits: ClipLimits) -> ClipInfo:
    """Open the clip and decode its first frame of every kind. Costs one short process, about
    0.15 s.

    A cover picture inside an audio file does not make it a video. A file without a play time in
    its header is read through. Raises MediaTooLarge (bytes, seconds, frame size, or time and
    memory of the child), MediaUnreadable (empty or corrupt) and MediaUnsupported (format not
    accepted, playlists among them, or codec unknown to FFmpeg). An OSError of reading the file
    itself passes through.
    """
    container = clip_format(path, limits).name
    (told,) = (message.header for message in ask_child("probe", path, limits))
    kind = Modality.VIDEO if told["width"] else Modality.AUDIO
    return ClipInfo(
        kind, told["seconds"], told["width"], told["height"], container, tuple(told["codecs"])
    )
