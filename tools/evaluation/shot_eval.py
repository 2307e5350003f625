"""Compare our shot detector with those of PySceneDetect, on real clips joined into films."""

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
_SHOT_COUNT = 25
_MIN_SHOT_S, _MAX_SHOT_S = 1.5, 6.0
_CLIPS_WITH_CUTS = frozenset({"nasa_13013", "friday"})
"""Clips that contain cuts themselves, which are not annotated."""

_FRAME_SIDE = 224
DETECTORS = ("ContentDetector", "AdaptiveDetector", "HistogramDetector", "HashDetector")
"""Detectors of PySceneDetect; they run with their own thresholds, on every frame."""


@dataclass(frozen=True, slots=True)
class Film:
    """A file, the seconds of its cuts, and its duration in seconds."""

    path: Path
    cuts: tuple[float, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class DetectorResult:
    """Precision and recall of a detector, and its speed in seconds of film per second."""

    precision: float
    recall: float
    speed: float

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)


def join_clips(clips: Sequence[Path], path: Path, seed: int) -> Film:
    """Write a film of pieces of clips; neighbouring pieces come from different clips."""
    rng, cuts, count = np.random.default_rng(seed), [], 0
    previous: Path | None = None
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=_RATE, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = *_SIZE, "yuv420p"
        for _ in range(_SHOT_COUNT):
            others = [clip for clip in clips if clip != previous]
            previous = others[rng.integers(len(others))]
            start = count
            for frame in _read_piece(previous, rng):
                frame.pts = count
                film.mux(stream.encode(frame))
                count += 1
            if start and count > start:
                cuts.append(start / _RATE)
        film.mux(stream.encode(None))
    return Film(path, tuple(cuts), count / _RATE)


def _read_piece(path: Path, rng: np.random.Generator) -> Iterator[Any]:
    """Yield the frames of a random part of a clip, at the size and rate of the film."""
    with av.open(str(path)) as clip:
        whole = float(clip.duration or 0) / 1_000_000
        seconds = min(rng.uniform(_MIN_SHOT_S, _MAX_SHOT_S), whole)
        at = rng.uniform(0, whole - seconds)
        end = at + seconds
        for frame in clip.decode(video=0):
            small = None
            while frame.time is not None and at <= frame.time and at < end:
                small = (
                    frame.reformat(*_SIZE, format="rgb24").to_ndarray() if small is None else small
                )
                yield av.VideoFrame.from_ndarray(small, format="rgb24")
                at += 1 / _RATE


def detect_with_ours(film: Film, per_second: float) -> tuple[list[float], float]:
    """Return the seconds of the cuts, and the tolerance: one sampled frame."""
    detector, limits = ShotDetector(), ClipLimits.from_settings(engine_settings())
    with closing(open_video(film.path, limits, _FRAME_SIDE, per_second)) as reader:
        cuts = [
            frame.seconds
            for frame in reader
            if detector.starts_shot(FrameFeatures.extract(frame.picture))
        ]
    return cuts[1:], 1.2 / per_second


def detect_with_scenedetect(film: Film, name: str) -> tuple[list[float], float]:
    """Return the same with a detector of PySceneDetect."""
    scenes = importlib.import_module("scenedetect")
    shots = scenes.detect(str(film.path), getattr(scenes, name)())
    return [start.seconds for start, _ in shots][1:], 0.25


def evaluate_detector(
    films: Sequence[Film], detect: Callable[[Film], tuple[list[float], float]]
) -> DetectorResult:
    """Evaluate a detector. Each cut matches at most one detection within the tolerance."""
    matched, detected, expected, began = 0, 0, 0, time.perf_counter()
    for film in films:
        detections, tolerance = detect(film)
        unmatched = list(detections)
        for cut in film.cuts:
            near = next((at for at in unmatched if -0.05 <= at - cut <= tolerance), None)
            if near is not None:
                unmatched.remove(near)
                matched += 1
        detected, expected = detected + len(detections), expected + len(film.cuts)
    duration = time.perf_counter() - began
    speed = sum(film.seconds for film in films) / duration
    return DetectorResult(matched / max(detected, 1), matched / max(expected, 1), speed)


def main(argv: Sequence[str] | None = None) -> None:
    """Print one row per detector."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.evaluation.shot_eval", description=__doc__
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of data folders, with videos/"
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[10, 11, 12, 13], help="one film each"
    )
    options = parser.parse_args(argv)
    rows = map(
        json.loads, (options.data / "videos" / "items.jsonl").read_text("utf-8").splitlines()
    )
    clips = [
        path
        for row in rows
        if (path := options.data / "videos" / row["path"]).stem not in _CLIPS_WITH_CUTS
    ]
    table = Table("detector", "precision", "recall", "F1", "times real time")
    with tempfile.TemporaryDirectory() as folder:
        films = [join_clips(clips, Path(folder) / f"{seed}.mp4", seed) for seed in options.seeds]
        for rate in (FRAMES_PER_SECOND / 2, FRAMES_PER_SECOND):
            _add_row(
                table,
                f"ours, {rate:g} frames a second",
                evaluate_detector(films, partial(detect_with_ours, per_second=rate)),
            )
        if importlib.util.find_spec("scenedetect"):
            for name in DETECTORS:
                _add_row(
                    table,
                    f"PySceneDetect {name}",
                    evaluate_detector(films, partial(detect_with_scenedetect, name=name)),
                )
    make_console().print(f"{len(films)} films, {sum(len(film.cuts) for film in films)} cuts", table)


def _add_row(table: Table, name: str, result: DetectorResult) -> None:
    table.add_row(
        name,
        *(f"{value:.3f}" for value in (result.precision, result.recall, result.f1)),
        f"{result.speed:.0f}",
    )


if __name__ == "__main__":
    main()
