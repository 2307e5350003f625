"""Subtitles become passages of plain text with their time spans."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.media.limits import ClipLimits
from search.media.subtitles import read_subtitles, strip_markup
from tests.search.media.clips import write_clip
from tests.support.films import write_titled

LIMITS = ClipLimits(max_bytes=5_000_000, max_seconds=600)


@pytest.mark.parametrize(
    ("name", "codec"), [("clip.mkv", "subrip"), ("clip.mp4", "mov_text"), ("clip.mkv", "ass")]
)
def test_neighbouring_cues_are_joined_and_a_pause_separates_them(
    tmp_path: Path, name: str, codec: str
) -> None:
    cues = [(0.5, 1.5, "a kettle"), (1.5, 2.5, "comes to the boil"), (5.0, 5.5, "and is poured")]
    found = read_subtitles(write_titled(tmp_path / name, cues, codec), LIMITS)
    assert [text for _, text in found] == ["a kettle comes to the boil", "and is poured"]
    assert [span.start for span, _ in found] == pytest.approx([0.5, 5.0])
    assert [span.end for span, _ in found] == pytest.approx([2.5, 5.5])


def test_markup_is_removed() -> None:
    assert (
        strip_markup(r"{\i1}loud{\i0}\Nand <b>bold</b> &amp; \h quiet") == "loud and bold & quiet"
    )


def test_number_and_length_of_passages_are_limited(tmp_path: Path) -> None:
    cues = [(number / 10, (number + 1) / 10, "x" * 5000) for number in range(500)]
    found = read_subtitles(write_titled(tmp_path / "clip.mkv", cues), LIMITS)
    assert len(found) == 400
    assert max(len(text) for _, text in found) <= 1000


def test_a_clip_without_subtitles_gives_none(tmp_path: Path) -> None:
    assert (
        read_subtitles(write_clip(tmp_path / "clip.mp4", video="mpeg4", audio="aac"), LIMITS) == []
    )
    assert read_subtitles(write_clip(tmp_path / "tone.wav", audio="pcm_s16le"), LIMITS) == []
