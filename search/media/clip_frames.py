"""What is seen of a clip: the pictures that cover it, chosen while they are decoded."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from search.media.clip_limits import ClipLimits
from search.media.keyframes import KeyFrame, KeyFrames
from search.media.video import open_video

FRAMES_PER_SECOND = 4.0
"""Looked at; fewer miss cuts (docs/adr/0012-key-frames.md)."""


@dataclass(frozen=True, slots=True)
class ClipFrames:
    """Key frames by their time, and the play time. `truncated` says that the clip broke off
    after them; `beside` names kinds of tracks that the file has beside its pictures, as FFmpeg
    calls them: audio, subtitle.
    """

    frames: tuple[KeyFrame, ...]
    seconds: float
    truncated: bool
    beside: frozenset[str]


def clip_frames(path: Path, limits: ClipLimits, side: int) -> ClipFrames:
    """The key frames of a video, animated GIF or WebP, the shorter side at most `side` pixels;
    in flat memory.

    Raises MediaTooLarge, MediaUnreadable and MediaUnsupported as `open_video` does.
    """
    chosen = KeyFrames()
    with closing(open_video(path, limits, side=side, per_second=FRAMES_PER_SECOND)) as reader:
        for frame in reader:
            chosen.add(frame)
    frames = tuple(chosen.finish(reader.seconds))
    return ClipFrames(frames, reader.seconds, reader.truncated, reader.beside or frozenset())
