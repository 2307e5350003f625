"""Clips that are broken, hostile or unusual, each with its expected outcome."""

from __future__ import annotations

import enum
import functools
import gzip
import io
import random
import struct
import tempfile
import wave
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from search.types import Modality
from tests.search.media.clips import write_clip
from tests.support.films import plain, turn_film, write_film, write_titled


class Outcome(enum.StrEnum):
    """Outcome of a file: it is read completely, read partly, or rejected."""

    WHOLE = "whole"
    PARTIAL = "partial"
    TOO_LARGE = "media_too_large"
    UNREADABLE = "media_unreadable"
    UNSUPPORTED = "media_unsupported"


@dataclass(frozen=True, slots=True)
class FaultCase:
    """One file, uploaded as a clip of this kind under the default limits."""

    name: str
    path: Path
    kind: Modality
    outcome: Outcome


Make = Callable[[Path], object]
_MATROSKA_DURATION, _MATROSKA_VOID = b"\x44\x89\x88", b"\xec\x40\x08"
_V, _A = Modality.VIDEO, Modality.AUDIO
_WHOLE, _PARTIAL = Outcome.WHOLE, Outcome.PARTIAL
_LARGE, _UNREADABLE, _UNSUPPORTED = Outcome.TOO_LARGE, Outcome.UNREADABLE, Outcome.UNSUPPORTED


def corpus(folder: Path) -> list[FaultCase]:
    """Write every file into `folder`; takes about a second and a few megabytes."""
    found = []
    for name, kind, outcome, make in _cases():
        path = folder / name
        make(path)
        found.append(FaultCase(name, path, kind, outcome))
    return found


def _cases() -> list[tuple[str, Modality, Outcome, Make]]:
    return [
        *_bytes_cases(),
        *_broken_videos(),
        *_large_cases(),
        *_odd_videos(),
        *_sounds(),
        *_animations(),
    ]


def _bytes_cases() -> list[tuple[str, Modality, Outcome, Make]]:
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    noise = random.Random(5).randbytes(4096)
    start = b"\0\0\0\x18ftypisom\0\0\0\0isomiso2"
    return [
        ("empty.mp4", _V, _UNREADABLE, _bytes(b"")),
        ("one-byte.mp4", _V, _UNSUPPORTED, _bytes(b"\0")),
        ("noise.mkv", _V, _UNSUPPORTED, _bytes(b"\x07" + noise)),
        ("noise-after-header.mp4", _V, _UNREADABLE, _bytes(start + noise)),
        ("noise-after-header.mkv", _V, _UNREADABLE, _bytes(b"\x1a\x45\xdf\xa3" + noise)),
        ("noise-after-header.avi", _V, _UNREADABLE, _bytes(b"RIFF\xff\xff\0\0AVI " + noise)),
        ("noise-after-header.gif", _V, _UNREADABLE, _bytes(b"GIF89a" + noise)),
        ("noise-after-header.flac", _A, _UNREADABLE, _bytes(b"fLaC" + noise)),
        ("noise-after-header.ogg", _A, _UNREADABLE, _bytes(b"OggS" + noise)),
        ("playlist.m3u8", _V, _UNSUPPORTED, _bytes(playlist)),
        ("playlist.mp4", _V, _UNSUPPORTED, _bytes(playlist)),
        ("playlist-after-header.mp4", _V, _UNREADABLE, _bytes(start + playlist)),
        ("concat.mp4", _V, _UNSUPPORTED, _bytes(b"ffconcat version 1.0\nfile /etc/passwd\n")),
        ("manifest.mpd", _V, _UNSUPPORTED, _bytes(b'<?xml version="1.0"?><MPD><Period/></MPD>')),
        ("page.mp4", _V, _UNSUPPORTED, _bytes(b"<!doctype html><video src='http://127.0.0.1/'>")),
        ("packed.zip", _V, _UNSUPPORTED, _zipped),
        (
            "packed.mp4.gz",
            _V,
            _UNSUPPORTED,
            lambda path: path.write_bytes(gzip.compress(_film_bytes("mp4"))),
        ),
        ("picture.mp4", _V, _UNSUPPORTED, lambda path: Image.new("RGB", (8, 8)).save(path, "PNG")),
    ]


def _broken_videos() -> list[tuple[str, Modality, Outcome, Make]]:
    return [
        ("header-cut.mp4", _V, _UNREADABLE, _cut("mp4", 0.02)),
        ("half.mp4", _V, _PARTIAL, _cut("mp4", 0.5)),
        ("half.mkv", _V, _PARTIAL, _cut("mkv", 0.5)),
        ("header-cut.mkv", _V, _UNREADABLE, _cut("mkv", 0.02)),
        ("half.avi", _V, _PARTIAL, _cut("avi", 0.5)),
        ("index-lost.mov", _V, _UNREADABLE, _cut("mov", 0.9)),
        ("body-zero.mp4", _V, _UNREADABLE, _changed("mp4", _zero_body)),
        ("body-damaged.mp4", _V, _PARTIAL, _changed("mp4", _damage_body)),
        (
            "header-damaged.mp4",
            _V,
            _UNREADABLE,
            _changed("mp4", lambda data: data.replace(b"moov", b"moox")),
        ),
        (
            "unknown-codec.mp4",
            _V,
            _UNSUPPORTED,
            _changed("mp4", lambda data: data.replace(b"avc1", b"zzz1")),
        ),
        (
            "unknown-codec.mkv",
            _V,
            _UNSUPPORTED,
            _changed("mkv", lambda data: data.replace(b"V_MPEG4/ISO/AVC", b"V_MPEG4/ISO/XXX")),
        ),
        (
            "key-frame-late.mkv",
            _V,
            _WHOLE,
            lambda path: _without_key_frames(path, all_of_them=False),
        ),
        (
            "key-frame-never.mkv",
            _V,
            _UNREADABLE,
            lambda path: _without_key_frames(path, all_of_them=True),
        ),
        ("sound-alone.mp4", _V, _UNSUPPORTED, lambda path: write_clip(path, audio="aac")),
    ]


def _large_cases() -> list[tuple[str, Modality, Outcome, Make]]:
    hour = [(0.0, plain((200, 0, 0))), (1800.0, plain((0, 200, 0))), (3600.0, plain((0, 0, 200)))]
    return [
        ("hour.mp4", _V, _LARGE, lambda path: write_film(path, hour)),
        ("hour.mkv", _V, _LARGE, lambda path: write_film(path, hour)),
        (
            "hour.wav",
            _A,
            _LARGE,
            lambda path: _write_wave(path, rate=1000, frames=3_600_000, width=1),
        ),
        ("8k.mkv", _V, _LARGE, _write_8k),
        ("declared-hours.mkv", _V, _LARGE, _changed("mkv", _declare_hours)),
        (
            "time-jumps.mkv",
            _V,
            _LARGE,
            lambda path: write_film(path, [*_moving(10), (9_000_000.0, plain((0, 0, 0)))]),
        ),
        (
            "canvas.webp",
            _V,
            _LARGE,
            _bytes(b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\xfe\x3f\0\xfe\x3f\0"),
        ),
        ("slow.webp", _V, _LARGE, lambda path: _write_animation(path, milliseconds=1_000_000)),
    ]


def _odd_videos() -> list[tuple[str, Modality, Outcome, Make]]:
    rates = [(at / 30, plain((at * 8, 0, 0))) for at in range(30)] + [
        (4.0, plain((0, 99, 0))),
        (9.5, plain((0, 0, 99))),
    ]
    return [
        ("film.mp3", _V, _WHOLE, lambda path: write_film(path, _moving(10), container="mp4")),
        ("rate-varies.mp4", _V, _WHOLE, lambda path: write_film(path, rates)),
        ("silent.mp4", _V, _WHOLE, lambda path: _write_silent(path)),
        ("turned.mp4", _V, _WHOLE, lambda path: turn_film(write_film(path, _moving(5)))),
        (
            "before-zero.mkv",
            _V,
            _WHOLE,
            lambda path: write_film(path, [(at - 1.0, one) for at, one in _moving(20)]),
        ),
        (
            "starts-late.mkv",
            _V,
            _WHOLE,
            lambda path: write_film(path, [(at + 900, one) for at, one in _moving(5)]),
        ),
        ("one-pixel.gif", _V, _WHOLE, lambda path: Image.new("RGB", (1, 1)).save(path)),
        (
            "one-pixel.avi",
            _V,
            _WHOLE,
            lambda path: write_film(path, [(0, plain((9, 9, 9), (1, 1)))], codec="mjpeg"),
        ),
        (
            "odd-size.mkv",
            _V,
            _WHOLE,
            lambda path: write_film(path, _moving(3, (33, 17)), codec="mpeg4"),
        ),
        (
            "ribbon.mkv",
            _V,
            _WHOLE,
            lambda path: write_film(path, _moving(2, (4000, 2)), codec="mpeg4"),
        ),
        (
            "stretched.mkv",
            _V,
            _WHOLE,
            lambda path: write_film(path, _moving(2), shape=Fraction(1000, 1)),
        ),
        (
            "without-duration.mkv",
            _V,
            _WHOLE,
            _changed("mkv", lambda data: data.replace(_MATROSKA_DURATION, _MATROSKA_VOID)),
        ),
        ("many-tracks.mkv", _V, _WHOLE, _write_tracks),
        ("many-subtitles.mkv", _V, _WHOLE, lambda path: write_titled(path, _cues(3000, 20))),
        ("long-subtitle.mkv", _V, _WHOLE, lambda path: write_titled(path, _cues(2, 1_000_000))),
        ("one-frame.mp4", _V, _WHOLE, lambda path: write_film(path, _moving(1))),
    ]


def _sounds() -> list[tuple[str, Modality, Outcome, Make]]:
    return [
        ("tone.mp4", _A, _WHOLE, lambda path: _write_wave(path)),
        ("silence.wav", _A, _WHOLE, lambda path: _write_wave(path, loud=0)),
        ("no-samples.wav", _A, _UNREADABLE, lambda path: _write_wave(path, frames=0)),
        ("declared-gigabytes.wav", _A, _WHOLE, _declare_gigabytes),
        ("half.flac", _A, _PARTIAL, _cut_sound("flac", "flac", 0.5)),
        ("half.ogg", _A, _WHOLE, _cut_sound("ogg", "libopus", 0.5)),
        ("half.mp3", _A, _PARTIAL, _cut_sound("mp3", "libmp3lame", 0.5)),
        ("cover-alone.mp3", _A, _UNREADABLE, lambda path: path.write_bytes(_cover())),
        (
            "many-channels.wav",
            _A,
            _UNREADABLE,
            lambda path: _write_wave(path, channels=2000, frames=8),
        ),
        ("slow-rate.wav", _A, _UNSUPPORTED, lambda path: _write_wave(path, rate=2, frames=8)),
        ("film.wav", _A, _UNSUPPORTED, lambda path: write_film(path, _moving(3), container="mp4")),
    ]


def _animations() -> list[tuple[str, Modality, Outcome, Make]]:
    return [
        ("one-frame.gif", _V, _WHOLE, lambda path: Image.new("RGB", (20, 10)).save(path)),
        ("moving.gif", _V, _WHOLE, _write_animation),
        ("half.gif", _V, _WHOLE, lambda path: _halve(path, _write_animation)),
        ("moving.webp", _V, _WHOLE, _write_animation),
        ("one-frame.webp", _V, _WHOLE, lambda path: Image.new("RGB", (20, 10)).save(path)),
        ("half.webp", _V, _UNREADABLE, lambda path: _halve(path, _write_animation)),
    ]


def _bytes(data: bytes) -> Make:
    return lambda path: path.write_bytes(data)


def _moving(count: int, size: tuple[int, int] = (64, 48)) -> list[tuple[float, Any]]:
    """Return frames of noise, ten per second."""
    noise = np.random.default_rng(count).integers(0, 255, (count, size[1], size[0], 3), np.uint8)
    return [(number / 10, picture) for number, picture in enumerate(noise)]


@functools.cache
def _film_bytes(suffix: str) -> bytes:
    """Return three seconds of noise; an MP4 has its index first, a MOV last."""
    with tempfile.TemporaryDirectory() as folder:
        codec = "mpeg4" if suffix == "avi" else "libx264"
        path = Path(folder) / f"film.{suffix}"
        write_film(path, _moving(30), codec=codec, options={"g": "10"}, clock=Fraction(1, 10))
        return path.read_bytes()


def _changed(suffix: str, change: Callable[[bytes], bytes]) -> Make:
    def make(path: Path) -> None:
        data = _film_bytes(suffix)
        changed = change(data)
        assert changed != data
        path.write_bytes(changed)

    return make


def _cut(suffix: str, share: float) -> Make:
    return _changed(suffix, lambda data: data[: int(len(data) * share)])


def _cut_sound(suffix: str, codec: str, share: float) -> Make:
    def make(path: Path) -> None:
        data = write_clip(path, audio=codec, container=suffix, seconds=3).read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return make


def _halve(path: Path, make: Make) -> None:
    make(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _zero_body(data: bytes) -> bytes:
    body = data.index(b"mdat") + 4
    return data[:body] + bytes(len(data) - body)


def _damage_body(data: bytes) -> bytes:
    """Overwrite the middle third."""
    body = data.index(b"mdat") + 4
    third = (len(data) - body) // 3
    return data[: body + third] + random.Random(1).randbytes(third) + data[body + 2 * third :]


def _declare_hours(data: bytes) -> bytes:
    """Declare a duration of 32 years (RFC 9559, Duration: milliseconds as a float)."""
    place = data.index(_MATROSKA_DURATION) + len(_MATROSKA_DURATION)
    return data[:place] + struct.pack(">d", 1e12) + data[place + 8 :]


def _without_key_frames(path: Path, *, all_of_them: bool) -> None:
    """Write a video without its first key frame, or without any."""
    with av.open(io.BytesIO(_film_bytes("mp4")), "r") as source, av.open(str(path), "w") as clip:
        stream = clip.add_stream_from_template(source.streams.video[0])
        keys = 0
        for packet in source.demux(video=0):
            keys += packet.is_keyframe
            if packet.dts is not None and not (packet.is_keyframe and (all_of_them or keys == 1)):
                packet.stream = stream
                clip.mux(packet)


def _zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("film.mp4", _film_bytes("mp4"))


def _write_wave(
    path: Path,
    *,
    rate: int = 16_000,
    frames: int = 8000,
    channels: int = 1,
    width: int = 2,
    loud: int = 9000,
) -> None:
    samples = np.random.default_rng(1).integers(
        -loud, loud + 1, min(frames * channels, 16_000), np.int16
    )
    data = samples.astype(np.int16).tobytes() if width == 2 else bytes(frames)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)


def _write_8k(path: Path) -> None:
    with av.open(str(path), "w") as clip:
        stream: Any = clip.add_stream("mpeg4", rate=1)
        stream.width, stream.height, stream.pix_fmt = 7680, 4320, "yuv420p"
        clip.mux(stream.encode(av.VideoFrame(7680, 4320, "yuv420p")))
        clip.mux(stream.encode(None))


def _declare_gigabytes(path: Path) -> None:
    _write_wave(path)
    data = path.read_bytes()
    path.write_bytes(data[:40] + b"\xf0\xff\xff\xff" + data[44:])


def _write_silent(path: Path) -> None:
    """Write a video with a silent audio track."""
    with av.open(str(path), "w") as clip:
        pictures: Any = clip.add_stream("mpeg4", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sound: Any = clip.add_stream("aac", rate=16_000, layout="mono")
        for _, picture in _moving(10):
            clip.mux(pictures.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        clip.mux(pictures.encode(None))
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 16_000), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 16_000
        clip.mux(sound.encode(frame))
        clip.mux(sound.encode(None))


def _write_tracks(path: Path) -> None:
    """Write a video with two hundred audio tracks."""
    with av.open(str(path), "w") as clip:
        pictures: Any = clip.add_stream("mpeg4", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        tracks: list[Any] = [
            clip.add_stream("pcm_s16le", rate=8000, layout="mono") for _ in range(200)
        ]
        for _, picture in _moving(5):
            clip.mux(pictures.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        clip.mux(pictures.encode(None))
        for track in tracks:
            frame = av.AudioFrame.from_ndarray(
                np.full((1, 80), 9, np.int16), format="s16", layout="mono"
            )
            frame.sample_rate = 8000
            clip.mux(track.encode(frame))


def _cues(count: int, length: int) -> list[tuple[float, float, str]]:
    return [
        (number / 1000, (number + 1) / 1000, "word " * (length // 5)) for number in range(count)
    ]


def _cover() -> bytes:
    """Return an ID3 tag with a picture and no audio after it."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG")
    picture = b"\0image/jpeg\0\x03\0" + out.getvalue()
    frame = b"APIC" + struct.pack(">I", len(picture)) + b"\0\0" + picture
    size = len(frame)
    return (
        b"ID3\x03\0\0"
        + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127])
        + frame
    )


def _write_animation(path: Path, milliseconds: int = 300) -> None:
    first, *others = (Image.fromarray(picture) for _, picture in _moving(6))
    first.save(path, save_all=True, append_images=others, duration=milliseconds)
