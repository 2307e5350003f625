"""How well are cuts found? Real clips joined to films with known cuts, our detector beside those
of PySceneDetect.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
from rich.table import Table

from search.config import engine_settings
from search.media.keyframes import FRAMES_PER_SECOND
from search.media.limits import ClipLimits
from search.media.shot_detection import FrameFeatures, ShotDetector
from search.media.video import open_video
from search.terminal import make_console

_SIZE = (480, 270)
_RATE = 25
_SHOTS = 25
_SHORTEST_S, _LONGEST_S = 1.5, 6.0
_WITH_CUTS = frozenset({"nasa_13013", "friday"})
"""Clips that are cut themselves, which nobody has marked."""

_SIDE = 224
DETECTORS = ("ContentDetector", "AdaptiveDetector", "HistogramDetector", "HashDetector")
"""Of PySceneDetect, with its own thresholds, on every frame."""


@dataclass(frozen=True, slots=True)
class Film:
    """A file, the seconds at which a shot begins without the first, and its length in seconds."""

    path: Path
    cuts: tuple[float, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Found:
    """What a detector found of the cuts, and how many seconds of film it takes in a second."""

    precision: float
    recall: float
    speed: float

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)


def join_clips(clips: Sequence[Path], path: Path, seed: int) -> Film:
    """Write a film of pieces of clips, each other than the one before."""
    choice, cuts, count = np.random.default_rng(seed), [], 0
    former: Path | None = None
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=_RATE, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *_SIZE, "yuv420p"
        for _ in range(_SHOTS):
            others = [clip for clip in clips if clip != former]
            former = others[choice.integers(len(others))]
            begun = count
            for frame in _piece(former, choice):
                frame.pts = count
                film.mux(stream.encode(frame))
                count += 1
            if begun and count > begun:
                cuts.append(begun / _RATE)
        film.mux(stream.encode(None))
    return Film(path, tuple(cuts), count / _RATE)


def _piece(path: Path, choice: np.random.Generator) -> Iterator[Any]:
    """Frames of a random part of a clip, at the film's size and rate."""
    with av.open(str(path)) as clip:
        whole = float(clip.duration or 0) / 1_000_000
        seconds = min(choice.uniform(_SHORTEST_S, _LONGEST_S), whole)
        at = choice.uniform(0, whole - seconds)
        end = at + seconds
        for frame in clip.decode(video=0):
            small = None
            while frame.time is not None and at <= frame.time and at < end:
                small = (
                    frame.reformat(*_SIZE, format="rgb24").to_ndarray() if small is None else small
                )
                yield av.VideoFrame.from_ndarray(small, format="rgb24")
                at += 1 / _RATE


def our_cuts(film: Film, per_second: float) -> tuple[list[float], float]:
    """Where shots begin, and how far from the true second that may be: one sampled frame."""
    detector, limits = ShotDetector(), ClipLimits.from_settings(engine_settings())
    with closing(open_video(film.path, limits, _SIDE, per_second)) as reader:
        found = [
            frame.seconds
            for frame in reader
            if detector.starts_shot(FrameFeatures.extract(frame.picture))
        ]
    return found[1:], 1.2 / per_second


def their_cuts(film: Film, name: str) -> tuple[list[float], float]:
    """The same by a detector of PySceneDetect."""
    scenes = importlib.import_module("scenedetect")
    found = scenes.detect(str(film.path), getattr(scenes, name)())
    return [start.seconds for start, _ in found][1:], 0.25


def judge_cuts(films: Sequence[Film], find: Callable[[Film], tuple[list[float], float]]) -> Found:
    """A cut counts as found once, by one of the seconds found near it."""
    right, told, true, began = 0, 0, 0, time.perf_counter()
    for film in films:
        found, tolerance = find(film)
        left = list(found)
        for cut in film.cuts:
            near = next((at for at in left if -0.05 <= at - cut <= tolerance), None)
            if near is not None:
                left.remove(near)
                right += 1
        told, true = told + len(found), true + len(film.cuts)
    spent = time.perf_counter() - began
    return Found(
        right / max(told, 1), right / max(true, 1), sum(film.seconds for film in films) / spent
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Print one row a detector."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.evaluation.shot_eval", description=__doc__
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of data folders, with videos/"
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[10, 11, 12, 13], help="one film each"
    )
    asked = parser.parse_args(argv)
    rows = map(json.loads, (asked.data / "videos" / "items.jsonl").read_text("utf-8").splitlines())
    clips = [
        path for row in rows if (path := asked.data / "videos" / row["path"]).stem not in _WITH_CUTS
    ]
    table = Table("detector", "precision", "recall", "F1", "times real time")
    with tempfile.TemporaryDirectory() as folder:
        films = [join_clips(clips, Path(folder) / f"{seed}.mp4", seed) for seed in asked.seeds]
        for rate in (FRAMES_PER_SECOND / 2, FRAMES_PER_SECOND):
            _add(
                table,
                f"ours, {rate:g} frames a second",
                judge_cuts(films, partial(our_cuts, per_second=rate)),
            )
        if importlib.util.find_spec("scenedetect"):
            for name in DETECTORS:
                _add(
                    table,
                    f"PySceneDetect {name}",
                    judge_cuts(films, partial(their_cuts, name=name)),
                )
    make_console().print(f"{len(films)} films, {sum(len(film.cuts) for film in films)} cuts", table)


def _add(table: Table, name: str, found: Found) -> None:
    table.add_row(
        name,
        *(f"{value:.3f}" for value in (found.precision, found.recall, found.f1)),
        f"{found.speed:.0f}",
    )


if __name__ == "__main__":
    main()
