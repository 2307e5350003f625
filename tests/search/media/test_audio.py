"""Audio of every container is decoded to one channel; broken and oversized clips are rejected."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from search.errors import MediaTooLarge, MediaUnreadable, MediaUnsupported
from search.media.audio import open_audio
from search.media.limits import ClipLimits
from search.types import Waveform
from tests.search.media.clips import write_clip

LIMITS = ClipLimits(max_bytes=2_000_000, max_seconds=5)
RATE = 16_000


def hear(path: Path, limits: ClipLimits = LIMITS) -> Waveform:
    return np.concatenate([np.zeros(0, np.float32), *open_audio(path, limits, RATE)])


def write_wav(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    """`samples` (n, channels) from -1 to 1 as 16-bit WAV."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


def pitch(sound: Waveform) -> float:
    return float(np.abs(np.fft.rfft(sound)).argmax() * RATE / len(sound))


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("mp3", {"audio": "libmp3lame"}),
        ("ogg", {"audio": "libopus"}),
        ("m4a", {"audio": "aac", "container": "ipod"}),
        ("mp4", {"video": "mpeg4", "audio": "aac"}),
        ("mkv", {"video": "mpeg4", "audio": "flac"}),
    ],
)
def test_audio_of_every_container_is_decoded(
    tmp_path: Path, name: str, made: dict[str, Any]
) -> None:
    heard = hear(write_clip(tmp_path / f"clip.{name}", **made))
    assert len(heard) / RATE == pytest.approx(1.0, abs=0.1)
    assert pitch(heard) == pytest.approx(440, abs=2)
    assert np.abs(heard).max() == pytest.approx(0.3, abs=0.05)


def test_channels_are_mixed_and_the_rate_is_converted(tmp_path: Path) -> None:
    tone = np.sin(np.arange(44_100) * 2 * np.pi * 440 / 44_100) * 0.4
    heard = hear(
        write_wav(tmp_path / "s.wav", np.stack([tone, np.zeros_like(tone)], axis=1), 44_100)
    )
    assert len(heard) == pytest.approx(RATE, abs=40)
    assert pitch(heard) == pytest.approx(440, abs=2)
    assert np.abs(heard).max() == pytest.approx(0.2, abs=0.01)


def test_a_video_without_audio_gives_no_samples(tmp_path: Path) -> None:
    reader = open_audio(write_clip(tmp_path / "clip.mp4", video="mpeg4"), LIMITS, RATE)
    assert list(reader) == [] and not reader.truncated


def test_a_late_audio_track_starts_with_silence(tmp_path: Path) -> None:
    path = tmp_path / "late.mkv"
    early = write_clip(tmp_path / "early.mkv", video="mpeg4", audio="flac", seconds=1.0)
    with av.open(str(early)) as source, av.open(str(path), "w") as late:
        streams = {one.index: late.add_stream_from_template(one) for one in source.streams}
        for packet in source.demux():
            if packet.dts is None or packet.pts is None:
                continue
            if packet.stream.type == "audio":  # Matroska counts milliseconds.
                packet.pts, packet.dts = packet.pts + 500, packet.dts + 500
            packet.stream = streams[packet.stream.index]
            late.mux(packet)
    heard = hear(path)
    assert not heard[: RATE // 2 - 200].any()
    assert np.abs(heard[RATE // 2 + 200 :]).max() > 0.2


def test_a_truncated_clip_gives_its_readable_part(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.flac", audio="flac", seconds=4).read_bytes()
    (tmp_path / "cut.flac").write_bytes(whole[: len(whole) // 2])
    reader = open_audio(tmp_path / "cut.flac", LIMITS, RATE)
    heard = np.concatenate(list(reader))
    assert 1.0 < len(heard) / RATE < 3.5 and reader.truncated
    assert reader.seconds == pytest.approx(4.0)


def test_errors_name_the_reason(tmp_path: Path) -> None:
    long = write_clip(tmp_path / "long.wav", audio="pcm_s16le", seconds=6)
    with pytest.raises(MediaTooLarge, match="over the limit of 5 seconds"):
        hear(long)
    with pytest.raises(MediaTooLarge, match="bytes"):
        hear(long, ClipLimits(max_bytes=1000, max_seconds=60))
    (tmp_path / "noise.mp3").write_bytes(b"\xff\xfb" + bytes(range(256)) * 20)
    with pytest.raises(MediaUnreadable):
        hear(tmp_path / "noise.mp3")
    with pytest.raises(MediaUnsupported, match="more channels"):
        hear(write_wav(tmp_path / "many.wav", np.zeros((RATE, 12))))
    (tmp_path / "words.wav").write_bytes(b"no sound")
    with pytest.raises(MediaUnsupported, match="not accepted"):
        hear(tmp_path / "words.wav")


def test_closing_the_reader_early_ends_the_process(tmp_path: Path) -> None:
    reader = open_audio(
        write_clip(tmp_path / "clip.wav", audio="pcm_s16le", seconds=4), LIMITS, RATE
    )
    assert len(next(reader)) == RATE
    reader.close()
    assert list(reader) == []
