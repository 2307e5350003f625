"""Frames of a video: sampled by their timestamps, upright, also of truncated files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from search.errors import MediaTooLarge, MediaUnreadable
from search.media.inspect import inspect_media, probe_clip
from search.media.limits import ClipLimits, MediaLimits, PictureLimits
from search.media.video import Frame, open_video
from search.types import Modality
from tests.search.media.clips import write_clip
from tests.support.films import plain, turn_film, write_film

LIMITS = ClipLimits(max_bytes=2_000_000, max_seconds=60)
RED, GREEN, BLUE = (220, 20, 20), (20, 220, 20), (20, 20, 220)


def frames_of(path: Path, side: int = 48, per_second: float = 2) -> list[Frame]:
    return list(open_video(path, LIMITS, side, per_second))


def colour(frame: Frame, at: tuple[float, float] = (0.5, 0.5)) -> str:
    """Return which of red, green and blue is strongest at this share of width and height."""
    width, height = frame.picture.size
    pixel = frame.picture.getpixel((int(at[0] * width), int(at[1] * height)))
    assert isinstance(pixel, tuple)
    return "RGB"[int(np.argmax(pixel))]


def test_frames_are_sampled_by_their_timestamps(tmp_path: Path) -> None:
    fast = [(number / 20, plain(RED)) for number in range(40)]
    path = write_film(
        tmp_path / "clip.mkv", [*fast, (2.0, plain(GREEN)), (7.3, plain(BLUE)), (9.0, plain(BLUE))]
    )
    found = frames_of(path)
    assert [round(frame.seconds, 1) for frame in found] == [0.0, 0.5, 1.0, 1.5, 2.0, 7.3, 9.0]
    assert [colour(frame) for frame in found] == ["R"] * 4 + ["G", "B", "B"]


def test_the_shorter_side_is_scaled_down_and_never_up(tmp_path: Path) -> None:
    path = write_film(tmp_path / "clip.mp4", [(0, plain(RED, (320, 180)))])
    assert frames_of(path, side=90)[0].picture.size == (160, 90)
    assert frames_of(path, side=500)[0].picture.size == (320, 180)


def test_a_rotated_clip_is_decoded_upright(tmp_path: Path) -> None:
    picture = np.concatenate([plain(RED, (64, 32)), plain(BLUE, (64, 32))])
    (frame,) = frames_of(turn_film(write_film(tmp_path / "clip.mp4", [(0, picture)])))
    assert frame.picture.size == (48, 48 * 64 // 64)
    assert (colour(frame, (0.9, 0.5)), colour(frame, (0.1, 0.5))) == ("R", "B")


def test_pixels_that_are_not_square_are_stretched(tmp_path: Path) -> None:
    path = write_film(tmp_path / "clip.mkv", [(0, plain(RED, (64, 64)))], shape=Fraction(2, 1))
    assert frames_of(path)[0].picture.size == (96, 48)


def _holed(one: tuple[int, int, int]) -> Image.Image:
    """Return a coloured picture with a transparent square on the left."""
    picture = Image.new("RGBA", (40, 30), (*one, 255))
    picture.paste((0, 0, 0, 0), (2, 2, 18, 18))
    return picture


@pytest.mark.parametrize("name", ["webp", "gif"])
def test_animated_pictures_count_as_video(tmp_path: Path, name: str) -> None:
    first, *others = (_holed(one) for one in (RED, GREEN, BLUE))
    path = tmp_path / f"clip.{name}"
    first.save(path, save_all=True, append_images=others, duration=1000, disposal=2, lossless=True)
    found = frames_of(path)
    assert [round(frame.seconds, 2) for frame in found] == [0, 1, 2]
    assert [colour(frame, (0.75, 0.5)) for frame in found] == ["R", "G", "B"]
    assert {frame.picture.getpixel((5, 5)) for frame in found} == {(255, 255, 255)}
    limits = MediaLimits(PictureLimits(10**6, 10**6), LIMITS)
    info = inspect_media(path, limits, Modality.VIDEO)
    assert (info.kind, info.width) == (Modality.VIDEO, 40)
    assert info.seconds == pytest.approx(3.0, abs=0.1)
    assert inspect_media(path, limits).kind is Modality.PICTURE


def test_a_long_or_large_animation_is_rejected(tmp_path: Path) -> None:
    first, other = (Image.new("RGB", (40, 30), one) for one in (RED, BLUE))
    first.save(tmp_path / "clip.webp", save_all=True, append_images=[other], duration=40_000)
    for limits in (LIMITS, ClipLimits(max_bytes=10**6, max_seconds=900, max_pixels=1000)):
        with pytest.raises(MediaTooLarge):
            next(open_video(tmp_path / "clip.webp", limits, 48, 2))
        with pytest.raises(MediaTooLarge):
            probe_clip(tmp_path / "clip.webp", limits)


@pytest.mark.parametrize("name", ["clip.mkv", "clip.mp4"])
def test_a_truncated_video_gives_its_readable_part(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    noise = np.random.default_rng(1).integers(0, 255, (8, 48, 64, 3), np.uint8)
    write_film(path, list(enumerate(noise)), codec="mpeg4")
    whole = open_video(path, LIMITS, 48, 1)
    assert (len(list(whole)), whole.truncated) == (8, False)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    reader = open_video(path, LIMITS, 48, 1)
    assert 1 <= len(list(reader)) <= 7
    assert reader.truncated


def test_audio_alone_is_not_a_video(tmp_path: Path) -> None:
    with pytest.raises(MediaUnreadable, match="neither sound nor moving pictures"):
        next(open_video(write_clip(tmp_path / "tone.mkv", audio="flac"), LIMITS, 48, 2))


def test_time_is_limited_and_grows_with_the_clip(tmp_path: Path) -> None:
    path = write_film(tmp_path / "clip.mp4", [(at / 5, plain(RED, (640, 480))) for at in range(50)])
    slow = ClipLimits(max_bytes=2_000_000, max_seconds=60, time_limit_s=0.02, time_per_second=0)
    with pytest.raises(MediaTooLarge, match="seconds"):
        next(open_video(path, slow, 48, 2))


def test_closing_the_reader_ends_the_process(tmp_path: Path) -> None:
    path = write_film(
        tmp_path / "clip.mp4", [(at / 10, plain(RED, (640, 480))) for at in range(200)]
    )
    before = {child.pid for child in psutil.Process().children()}
    reader = open_video(path, LIMITS, 480, 10)
    next(reader)
    assert {child.pid for child in psutil.Process().children()} - before
    reader.close()
    assert not {child.pid for child in psutil.Process().children()} - before
