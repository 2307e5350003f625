"""The clip benchmark runs the code of the worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.errors import InputError
from search.media.inspect import probe_clip
from search.media.limits import ClipLimits
from tests.support.films import plain, write_film
from tools.bench.clips import measure_clips
from tools.bench.drawn_clips import draw_sound


def test_decoding_and_encoding_of_a_clip_are_measured(tmp_path: Path, settings: object) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"  # type: ignore[attr-defined]
    given = write_film(
        tmp_path / "film.mp4", [(at / 4, plain((at * 12, 90, 9))) for at in range(20)]
    )
    report = measure_clips(2, given)
    film = report.clips[0]
    assert film.kind == "video"
    assert film.seconds == pytest.approx(5, abs=0.3)
    assert film.views >= 1
    assert min(film.decode_alone, film.encode_alone, film.overlapped) > 0
    assert film.memory.parent > 0 and film.memory_before is None
    shorter = report.clips[1].memory_before
    assert report.clips[1].kind == "audio" and shorter is not None and shorter.parent > 0
    assert not list((tmp_path / "media").iterdir())


def test_an_unreadable_clip_ends_the_benchmark(tmp_path: Path, settings: object) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"  # type: ignore[attr-defined]
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0\x18ftypisom")
    with pytest.raises(InputError):
        measure_clips(2, tmp_path / "film.mp4")


def test_a_drawn_sound_has_the_requested_duration(tmp_path: Path) -> None:
    path = draw_sound(tmp_path / "sound.flac", 3)
    assert probe_clip(path, ClipLimits(10**7, 60)).seconds == pytest.approx(3, abs=0.1)
