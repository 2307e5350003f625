"""What pages show of clips is made once, from what can be read of them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.utils import timezone
from PIL import Image

from indexer.previews.render import make_webvtt
from indexer.previews.run import (
    find_clips_without_preview,
    make_missing_previews,
    release_abandoned_previews,
)
from search.errors import Unavailable
from search.types import Span
from tests.support.catalogue import add_product
from tests.support.tones import sounding_film, tone_file
from webapp.catalog.models import Asset, ClipPreview
from webapp.catalog.selectors.clips import Preview, get_previews
from webapp.catalog.services.previews import SPECTROGRAM, frame_filename, preview_path

pytestmark = pytest.mark.django_db

RED, BLUE = (200, 20, 20), (20, 20, 200)


def added(**media: list[bytes]) -> Asset:
    return add_product("clip", title="clip", space="a", **media).assets.exclude(kind="text").get()


def stored(asset: Asset, file: str) -> bytes:
    with default_storage.open(preview_path(asset.content_hash, file)) as content:
        return bytes(content.read())


def made_of(asset: Asset) -> Preview:
    make_missing_previews()
    return get_previews([asset.content_hash])[asset.content_hash]


def test_a_video_has_key_frames_and_loudness(tmp_path: Path) -> None:
    asset = added(
        videos=[sounding_film(tmp_path / "film.mkv", [RED] * 2 + [BLUE] * 2, [440, 0, 440, 440])]
    )
    preview = made_of(asset)
    assert preview.duration_s == pytest.approx(4, abs=0.2)
    assert [round(span.start) for span in preview.frames] == [0, 2]
    quarter = len(preview.peaks) // 4
    assert preview.peaks[0] > 200 and set(preview.peaks[quarter + 2 : 2 * quarter - 2]) == {0}
    for number, colour in enumerate((RED, BLUE)):
        with Image.open(io.BytesIO(stored(asset, frame_filename(number)))) as picture:
            assert picture.format == "WEBP"
            assert picture.convert("RGB").getpixel((30, 30)) == pytest.approx(colour, abs=25)
    assert [preview.frame_at(second) for second in (0, 3.9, 99)] == [
        0,
        1,
        1,
    ] and Preview().frame_at(0) is None
    assert make_missing_previews() == 0


def test_a_sound_has_a_waveform_and_a_spectrogram() -> None:
    asset = added(sounds=[tone_file([440, 0])])
    preview = made_of(asset)
    assert preview.peaks[0] > 200 and preview.peaks[-1] == 0 and preview.frames == ()
    with Image.open(io.BytesIO(stored(asset, SPECTROGRAM))) as picture:
        assert picture.format == "WEBP"


def test_a_broken_part_of_a_clip_does_not_affect_the_others(tmp_path: Path) -> None:
    film = sounding_film(tmp_path / "film.mkv", [RED, BLUE], [440, 440], broken_sound=True)
    preview = made_of(added(videos=[film]))
    assert preview.frames and preview.peaks == b""


def test_what_cannot_be_read_is_tried_once() -> None:
    assert made_of(added(videos=[b"\x1a\x45\xdf\xa3 no film"])) == Preview()
    assert not find_clips_without_preview().exists()


def test_a_lost_file_waits_and_holds_nothing_up() -> None:
    asset = added(sounds=[tone_file([440])])
    default_storage.delete(str(asset.file.name))
    with pytest.raises(Unavailable):
        make_missing_previews()
    assert make_missing_previews() == 0, "claimed"
    assert release_abandoned_previews() == 0
    ClipPreview.objects.update(lease_expires_at=timezone.now())
    assert release_abandoned_previews() == 1
    assert find_clips_without_preview().get() == asset


def test_what_a_dead_worker_had_claimed_is_made_by_another() -> None:
    asset = added(sounds=[tone_file([440])])
    ClipPreview.objects.create(content_hash=asset.content_hash, claimed_by="elsewhere:1:1")
    assert make_missing_previews() == 0 and get_previews([asset.content_hash]) == {}
    ClipPreview.objects.update(lease_expires_at=timezone.now())
    release_abandoned_previews()
    assert make_missing_previews() == 1


def test_the_command_makes_them_again() -> None:
    asset = added(sounds=[tone_file([440])])
    first = made_of(asset)
    name = preview_path(asset.content_hash, SPECTROGRAM)
    drawn = stored(asset, SPECTROGRAM)
    default_storage.delete(name)
    call_command("previews", again=True)
    assert get_previews([asset.content_hash])[asset.content_hash] == first
    assert stored(asset, SPECTROGRAM) == drawn and default_storage.listdir(name.rsplit("/", 1)[0])[
        1
    ] == [SPECTROGRAM]


def test_subtitles_as_browsers_read_them() -> None:
    said = [(Span(0.5, 2), "Hello\n\n<b>you</b> & me"), (Span(3661.2, 3662), "Bye")]
    assert make_webvtt(said) == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\nHello\n&lt;b&gt;you&lt;/b&gt; &amp; me\n\n"
        "01:01:01.200 --> 01:01:02.000\nBye\n"
    )
