"""Selection of key frames: every shot once, near-duplicates dropped, a maximum."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from PIL import Image, ImageFilter

from search.media.keyframes import KeyFrame, KeyFrameSelector
from search.media.video import Frame

SIZE = (96, 72)
STEP = 0.5


def scene(seed: int, moved: int = 0) -> Image.Image:
    """Return soft blocks in colours of the seed, moved to the right by some pixels."""
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 255, (3, 4, 3), dtype=np.uint8)
    blocks[..., seed % 3] = 250
    picture = Image.fromarray(blocks).resize(SIZE, Image.Resampling.BICUBIC)
    return Image.fromarray(np.roll(np.asarray(picture), moved, axis=1))


def key_frames(pictures: Iterable[Image.Image], most: int = 32) -> list[KeyFrame]:
    chosen, number = KeyFrameSelector(most), -1
    for number, picture in enumerate(pictures):
        chosen.add(Frame(number * STEP, picture))
    return chosen.finish((number + 1) * STEP)


def test_every_shot_gives_one_key_frame_with_its_span() -> None:
    shots = [scene(seed, moved) for seed in range(5) for moved in range(6)]
    found = key_frames(shots)
    assert [(one.span.start, one.span.end) for one in found] == [
        (3.0 * n, 3.0 * (n + 1)) for n in range(5)
    ]
    assert found[2].picture in shots[12:18]


def test_a_repeated_shot_is_kept_once() -> None:
    found = key_frames([scene(seed) for seed in (1, 2, 1, 3, 2) for _ in range(4)])
    assert [one.span.start for one in found] == [0.0, 2.0, 6.0]


def test_a_slow_change_within_a_shot_gives_several_key_frames() -> None:
    first, last = scene(1), scene(5)
    found = key_frames([Image.blend(first, last, share / 60) for share in range(61)])
    assert 2 <= len(found) <= 12
    assert all(one.span.end == other.span.start for one, other in pairwise(found))


def test_the_sharpest_frame_is_kept() -> None:
    sharp = scene(3)
    blurred = sharp.filter(ImageFilter.GaussianBlur(2))
    assert key_frames([blurred, blurred, sharp, blurred])[0].picture is sharp


def test_key_frames_are_limited_and_cover_the_clip() -> None:
    found = key_frames([scene(seed) for seed in range(60) for _ in range(2)], most=8)
    assert len(found) == 8
    assert found == sorted(found, key=lambda one: one.span.start)
    assert all(one.span.start < one.span.end for one in found)


def test_clips_of_no_and_of_one_frame() -> None:
    assert key_frames([]) == []
    (only,) = key_frames([Image.new("RGB", (1, 1))])
    assert (only.span.start, only.span.end) == (0.0, STEP)
