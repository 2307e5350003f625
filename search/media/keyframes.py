"""Key frames: the few frames that represent a clip, each with the seconds it stands for."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from search.media.limits import ClipLimits
from search.media.shot_detection import (
    FrameFeatures,
    ShotDetector,
    colour_distance,
    layout_distance,
)
from search.media.video import Frame, open_video
from search.types import Span

FRAMES_PER_SECOND = 4.0
"""Sampling rate; at a lower one cuts are missed (docs/adr/0012-key-frames.md)."""

MAX_KEY_FRAMES = 32

_CHANGED = 0.3
"""Share of the colours that changes within a shot before it gets another key frame."""

_SAME_COLOURS, _SAME_LAYOUT = 0.15, 0.05
"""Two frames closer than both are near-duplicates."""

_DETAIL = (64, 64)


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """A frame of a clip, and the part of the clip that looks like it."""

    span: Span
    picture: Image.Image


@dataclass(frozen=True, slots=True)
class ClipFrames:
    """Key frames in order of time, and the play time in seconds.

    `truncated` tells that the clip broke off after them; `other_tracks` are the kinds of tracks
    besides the video, as FFmpeg names them: audio, subtitle.
    """

    frames: tuple[KeyFrame, ...]
    seconds: float
    truncated: bool
    other_tracks: frozenset[str]


def read_key_frames(path: Path, limits: ClipLimits, side: int) -> ClipFrames:
    """Read the key frames of a video, animated GIF or WebP, in constant memory.

    The shorter side of each has at most `side` pixels. Raises MediaTooLarge, MediaUnreadable and
    MediaUnsupported as `open_video` does.
    """
    selector = KeyFrameSelector()
    with closing(open_video(path, limits, side=side, per_second=FRAMES_PER_SECOND)) as reader:
        for frame in reader:
            selector.add(frame)
    frames = tuple(selector.finish(reader.seconds))
    other_tracks = reader.other_tracks or frozenset()
    return ClipFrames(frames, reader.seconds, reader.truncated, other_tracks)


@dataclass(slots=True)
class _Run:
    """Consecutive frames of one shot that look alike. `picture` is the sharpest of them."""

    shot: int
    start: float
    end: float
    features: FrameFeatures
    picture: Image.Image
    sharpness: float

    def distance(self, other: _Run) -> float:
        """Return 0 for identical frames, 1 and more for frames that are no near-duplicates."""
        colours = colour_distance(self.features.colours, other.features.colours)
        layout = layout_distance(self.features.layout, other.features.layout)
        return max(colours / _SAME_COLOURS, layout / _SAME_LAYOUT)


class KeyFrameSelector:
    """Selects key frames from frames in order of time; holds at most `max_frames` + 1 pictures.

    1. A shot gets a key frame, and another one whenever many of its colours have changed.
    2. Of each such run of frames the sharpest is kept.
    3. A near-duplicate of an earlier key frame is dropped.
    4. Above `max_frames`, the one that is most similar to another is dropped.

    A clip with a frame always has a key frame.
    """

    def __init__(self, max_frames: int = MAX_KEY_FRAMES) -> None:
        self._max_frames = max_frames
        self._shots = ShotDetector()
        self._shot = 0
        self._kept: list[_Run] = []
        self._run: _Run | None = None

    def add(self, frame: Frame) -> None:
        features = FrameFeatures.extract(frame.picture)
        is_cut = self._shots.starts_shot(features)
        self._shot += is_cut
        run = self._run
        if (
            run is None
            or is_cut
            or colour_distance(run.features.colours, features.colours) > _CHANGED
        ):
            self._end_run(frame.seconds)
            self._run = _Run(
                self._shot,
                frame.seconds,
                frame.seconds,
                features,
                frame.picture,
                _sharpness(frame.picture),
            )
        elif (sharpness := _sharpness(frame.picture)) > run.sharpness:
            run.picture, run.sharpness = frame.picture, sharpness

    def finish(self, seconds: float) -> list[KeyFrame]:
        """Return the key frames of a clip that ends at this second, in order of time."""
        self._end_run(seconds)
        return [
            KeyFrame(Span(run.start, max(run.start, run.end)), run.picture) for run in self._kept
        ]

    def _end_run(self, at: float) -> None:
        run, self._run = self._run, None
        if run is None:
            return
        run.end = at
        duplicate = next((other for other in self._kept if run.distance(other) < 1), None)
        if duplicate is not None:
            if duplicate is self._kept[-1] and duplicate.shot == run.shot:
                duplicate.end = at
            return
        self._kept.append(run)
        if len(self._kept) > self._max_frames:
            self._drop_one()

    def _drop_one(self) -> None:
        """Drop the later one of the two most similar key frames."""
        pairs = []
        for place, later in enumerate(self._kept):
            pairs += [(earlier.distance(later), place) for earlier in self._kept[:place]]
        place = min(pairs)[1]
        dropped, previous = self._kept.pop(place), self._kept[place - 1]
        if previous.shot == dropped.shot:
            previous.end = max(previous.end, dropped.end)


def _sharpness(picture: Image.Image) -> float:
    """Return the mean squared difference between neighbouring pixels."""
    grey = np.asarray(picture.convert("L").resize(_DETAIL, Image.Resampling.BOX), dtype=np.float32)
    return float((np.diff(grey, axis=0) ** 2).mean() + (np.diff(grey, axis=1) ** 2).mean())
