"""Clips of every container open within the limits; playlists, broken and large ones do not."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from search.config import EngineSettings
from search.errors import MediaTooLarge, MediaUnreadable, MediaUnsupported
from search.media.inspect import inspect_media, probe_clip
from search.media.limits import ClipLimits, MediaLimits, PictureLimits
from search.types import Modality
from tests.search.media.clips import write_clip

LIMITS = ClipLimits(max_bytes=2_000_000, max_seconds=5)
BOTH = MediaLimits(PictureLimits(1_000_000, 1_000_000), LIMITS)

GOOD: dict[str, tuple[dict[str, Any], Modality, str]] = {
    "wav": ({"audio": "pcm_s16le"}, Modality.AUDIO, "wav"),
    "mp3": ({"audio": "libmp3lame"}, Modality.AUDIO, "mp3"),
    "flac": ({"audio": "flac"}, Modality.AUDIO, "flac"),
    "ogg": ({"audio": "libopus"}, Modality.AUDIO, "ogg"),
    "aac": ({"audio": "aac", "container": "adts"}, Modality.AUDIO, "aac"),
    "aiff": ({"audio": "pcm_s16be"}, Modality.AUDIO, "aiff"),
    "m4a": ({"audio": "aac", "container": "ipod"}, Modality.AUDIO, "m4a"),
    "mp4": ({"video": "mpeg4", "audio": "aac"}, Modality.VIDEO, "mp4"),
    "mov": ({"video": "mpeg4"}, Modality.VIDEO, "mp4"),
    "mkv": ({"video": "mpeg4"}, Modality.VIDEO, "matroska"),
    "webm": ({"video": "libvpx"}, Modality.VIDEO, "matroska"),
    "avi": ({"video": "mpeg4"}, Modality.VIDEO, "avi"),
    "gif": ({"video": "gif"}, Modality.VIDEO, "gif"),
}
PLAYLISTS = {
    "hls": b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "concat": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>',
    "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n",
    "asx": b'<asx version="3.0"><entry><ref href="http://127.0.0.1/"/></entry></asx>',
    "image sequence": b"/etc/%03d.png",
}


@pytest.mark.parametrize("name", GOOD)
def test_every_accepted_container_opens(tmp_path: Path, name: str) -> None:
    made, kind, container = GOOD[name]
    info = probe_clip(write_clip(tmp_path / f"clip.{name}", **made), LIMITS)
    assert (info.kind, info.container) == (kind, container)
    assert info.seconds == pytest.approx(1.0, abs=0.3)
    assert (info.width, info.height) == ((64, 48) if kind is Modality.VIDEO else (0, 0))
    assert len(info.codecs) == len([part for part in ("video", "audio") if part in made])


def test_a_video_container_with_audio_alone_is_audio(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", audio="flac")
    assert probe_clip(path, LIMITS).kind is Modality.AUDIO


def test_a_cover_picture_does_not_make_a_video(tmp_path: Path) -> None:
    tone = write_clip(tmp_path / "tone.mp3", audio="libmp3lame").read_bytes()
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG")
    picture = b"\0image/jpeg\0\x03\0" + out.getvalue()
    frame = b"APIC" + struct.pack(">I", len(picture)) + b"\0\0" + picture
    size = len(frame)
    tag = (
        b"ID3\x03\0\0"
        + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
        + frame
    )
    (tmp_path / "covered.mp3").write_bytes(tag + tone)
    with av.open(str(tmp_path / "covered.mp3")) as clip:
        assert len(clip.streams.video) == 1
    assert probe_clip(tmp_path / "covered.mp3", LIMITS).kind is Modality.AUDIO


@pytest.mark.parametrize("text", PLAYLISTS.values(), ids=PLAYLISTS.keys())
@pytest.mark.parametrize("name", ["clip.mp4", "clip.m3u8"])
def test_playlists_are_rejected(tmp_path: Path, text: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(text)
    with pytest.raises(MediaUnsupported):
        probe_clip(tmp_path / name, LIMITS)


def test_a_playlist_after_a_video_header_is_not_followed(tmp_path: Path) -> None:
    """The first bytes pin the demuxer, so FFmpeg cannot choose its HLS reader."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"\0\0\0\x18ftypisom\0\0\0\0isomiso2" + PLAYLISTS["hls"])
    with pytest.raises(MediaUnreadable):
        probe_clip(path, LIMITS)


def test_limits_of_bytes_seconds_pixels_and_time(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", video="mpeg4", seconds=2)
    for limits, words in (
        (ClipLimits(max_bytes=100, max_seconds=5), "limit of 100 bytes"),
        (ClipLimits(max_bytes=2_000_000, max_seconds=1), "limit of 1 seconds.*2.0 s"),
        (
            ClipLimits(max_bytes=2_000_000, max_seconds=5, max_pixels=1000),
            "limit of 1000 pixels.*64 × 48",
        ),
        (
            ClipLimits(max_bytes=2_000_000, max_seconds=5, time_limit_s=0.01),
            "takes over 0.01 seconds",
        ),
    ):
        with pytest.raises(MediaTooLarge, match=words):
            probe_clip(path, limits)


def test_the_memory_of_the_process_is_limited(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", video="mpeg4")
    with pytest.raises((MediaTooLarge, MediaUnreadable)):
        probe_clip(path, ClipLimits(max_bytes=2_000_000, max_seconds=5, memory_bytes=60 * 1024**2))


@pytest.mark.parametrize("name", ["mp4", "wav", "webm", "avi"])
def test_truncated_headers_are_rejected(tmp_path: Path, name: str) -> None:
    path = write_clip(tmp_path / f"clip.{name}", **GOOD[name][0])
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(MediaUnreadable):
        probe_clip(path, LIMITS)


def test_files_that_are_no_clips_are_rejected(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    Image.new("RGB", (8, 8)).save(tmp_path / "picture.png")
    with pytest.raises(MediaUnreadable, match="empty"):
        probe_clip(tmp_path / "empty", LIMITS)
    with pytest.raises(MediaUnsupported, match="png"):
        probe_clip(tmp_path / "picture.png", LIMITS)
    with pytest.raises(FileNotFoundError):
        probe_clip(tmp_path / "gone.mp4", LIMITS)


def test_the_kind_is_detected_by_content_and_checked(tmp_path: Path) -> None:
    Image.new("RGB", (30, 20)).save(tmp_path / "wrong.mp3", "PNG")
    write_clip(tmp_path / "tone.jpg", audio="flac", container="flac")
    write_clip(tmp_path / "moving.gif", video="gif")
    picture = inspect_media(tmp_path / "wrong.mp3", BOTH)
    assert (picture.kind, picture.width, picture.height, picture.seconds) == (
        Modality.PICTURE,
        30,
        20,
        None,
    )
    assert inspect_media(tmp_path / "tone.jpg", BOTH, Modality.AUDIO).kind is Modality.AUDIO
    assert inspect_media(tmp_path / "moving.gif", BOTH).kind is Modality.PICTURE
    assert inspect_media(tmp_path / "moving.gif", BOTH, Modality.VIDEO).kind is Modality.VIDEO
    with pytest.raises(MediaUnsupported, match="should be picture but is audio"):
        inspect_media(tmp_path / "tone.jpg", BOTH, Modality.PICTURE)


def test_limits_come_from_the_settings() -> None:
    settings = EngineSettings(clip_max_bytes=4096, clip_max_seconds=7, picture_max_bytes=2048)
    limits = MediaLimits.from_settings(settings)
    assert (limits.clip.max_bytes, limits.clip.max_seconds, limits.max_bytes) == (4096, 7, 4096)
