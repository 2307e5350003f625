"""Small clips, synthesised with PyAV."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

RATE = 16_000


def write_clip(
    path: Path,
    *,
    seconds: float = 1.0,
    video: str = "",
    audio: str = "",
    size: tuple[int, int] = (64, 48),
    container: str | None = None,
) -> Path:
    """Write moving grey pictures (codec `video`, 10 a second) and a 440 Hz tone (codec `audio`)."""
    with av.open(str(path), "w", format=container) as clip:
        # Every stream must be there before the header is written with the first packet.
        pictures: Any = clip.add_stream(video, rate=10) if video else None
        tone: Any = (
            clip.add_stream(audio, rate=48_000 if audio == "libopus" else RATE, layout="mono")
            if audio
            else None
        )
        if pictures:
            pictures.width, pictures.height = size
            pictures.pix_fmt = "rgb8" if video == "gif" else "yuv420p"
            _write_pictures(clip, pictures, seconds)
        if tone:
            _write_tone(clip, tone, seconds)
    return path


def _write_pictures(
    clip: av.container.OutputContainer, stream: av.VideoStream, seconds: float
) -> None:
    for index in range(int(seconds * 10)):
        pixels = np.full((stream.height, stream.width, 3), index * 20 % 256, np.uint8)
        clip.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
    clip.mux(stream.encode(None))


def _write_tone(clip: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    wave = np.sin(np.arange(int(seconds * RATE)) * 2 * np.pi * 440 / RATE) * 0.3
    resampler = av.AudioResampler(
        format=stream.codec_context.format,
        layout="mono",
        rate=stream.rate,
        frame_size=stream.frame_size or 1024,
    )
    frame = av.AudioFrame.from_ndarray(
        (wave * 32767).astype(np.int16)[None], format="s16", layout="mono"
    )
    frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
    for piece in (*resampler.resample(frame), *resampler.resample(None)):
        clip.mux(stream.encode(piece))
    clip.mux(stream.encode(None))
