"""Key frames: the few pictures that cover a clip, each with the seconds it stands for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from search.media.shot_detection import Look, ShotDetector, colour_distance, layout_distance
from search.media.video import Frame
from search.types import Span

_CHANGED = 0.3
"""Share of the colours that changes within a shot before it needs another key frame."""

_SAME_COLOURS, _SAME_LAYOUT = 0.15, 0.05
"""Two pictures nearer than both are near-duplicates."""

_DETAIL = (64, 64)


@dataclass(frozen=True, slots=True)
class KeyFrame:
    """A picture of a clip and what part of the clip looks like it."""

    span: Span
    picture: Image.Image


@dataclass(slots=True)
class _Run:
    """Frames that look alike: those of one shot, until much has changed. `picture` is the
    sharpest of them.
    """

    shot: int
    start: float
    end: float
    look: Look
    picture: Image.Image
    sharpness: float

    def distance(self, other: _Run) -> float:
        """0 for what nobody could tell apart, 1 and more for what is no near-duplicate."""
        colours = colour_distance(self.look.colours, other.look.colours)
        layout = layout_distance(self.look.layout, other.look.layout)
        return max(colours / _SAME_COLOURS, layout / _SAME_LAYOUT)


class KeyFrames:
    """Takes frames in their order, holds at most `most` + 1 pictures.

    Every shot gives a key frame, and another one whenever much of its colours has changed; of
    each stretch the sharpest picture is kept. A near-duplicate of a key frame that there is
    already is dropped, and beyond `most` whichever is most like another. Something always
    remains of a clip that has a frame.
    """

    def __init__(self, most: int = 32) -> None:
        self._most = most
        self._shots = ShotDetector()
        self._shot = 0
        self._kept: list[_Run] = []
        self._run: _Run | None = None

    def add(self, frame: Frame) -> None:
        look = Look.of(frame.picture)
        cut = self._shots.begins(look)
        self._shot += cut
        run = self._run
        if run is None or cut or colour_distance(run.look.colours, look.colours) > _CHANGED:
            self._end_run(frame.seconds)
            sharp = _sharpness(frame.picture)
            self._run = _Run(self._shot, frame.seconds, frame.seconds, look, frame.picture, sharp)
        elif (sharp := _sharpness(frame.picture)) > run.sharpness:
            run.picture, run.sharpness = frame.picture, sharp

    def finish(self, seconds: float) -> list[KeyFrame]:
        """The key frames of a clip that ends at this second, by their time; empty where it had
        no frame.
        """
        self._end_run(seconds)
        return [
            KeyFrame(Span(run.start, max(run.start, run.end)), run.picture) for run in self._kept
        ]

    def _end_run(self, at: float) -> None:
        run, self._run = self._run, None
        if run is None:
            return
        run.end = at
        same = next((other for other in self._kept if run.distance(other) < 1), None)
        if same is not None:
            if same is self._kept[-1] and same.shot == run.shot:
                same.end = at
            return
        self._kept.append(run)
        if len(self._kept) > self._most:
            self._drop_one()

    def _drop_one(self) -> None:
        """Drops the later one of the two that are most alike."""
        pairs = [
            (a.distance(b), place) for place, b in enumerate(self._kept) for a in self._kept[:place]
        ]
        place = min(pairs)[1]
        dropped, former = self._kept.pop(place), self._kept[place - 1]
        if former.shot == dropped.shot:
            former.end = max(former.end, dropped.end)


def _sharpness(picture: Image.Image) -> float:
    """Mean square of the differences between neighbouring pixels."""
    grey = np.asarray(picture.convert("L").resize(_DETAIL, Image.Resampling.BOX), dtype=np.float32)
    return float((np.diff(grey, axis=0) ** 2).mean() + (np.diff(grey, axis=1) ** 2).mean())
