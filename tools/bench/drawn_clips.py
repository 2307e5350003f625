"""Draw long clips: half a minute is encoded, and its packets are then repeated."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

WIDTH, HEIGHT, FRAMES = 854, 480, 30
_PART_S = 32
_RATE = 44_100
_GRAIN = 6


def draw_film(path: Path, seconds: int) -> Path:
    """Write an MP4 (H.264, 30 frames per second, AAC): one moving shot per second, and a tone."""
    with TemporaryDirectory() as folder:
        part = Path(folder) / "part.mp4"
        with av.open(str(part), "w") as clip:
            pictures: Any = clip.add_stream(
                "libx264", rate=FRAMES, options={"preset": "veryfast", "g": "120"}
            )
            pictures.width, pictures.height, pictures.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            sound: Any = clip.add_stream("aac", rate=_RATE, layout="mono")
            for pixels in _shots():
                clip.mux(pictures.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            clip.mux(pictures.encode(None))
            _mux_sound(clip, sound, _PART_S, "fltp")
        _repeat(part, path, seconds)
    return path


def draw_sound(path: Path, seconds: int) -> Path:
    """Write a FLAC file of a tone that rises and falls."""
    with av.open(str(path), "w") as clip:
        _mux_sound(clip, clip.add_stream("flac", rate=_RATE, layout="mono"), seconds, "s16")
    return path


def _shots() -> Iterator[npt.NDArray[np.uint8]]:
    random = np.random.default_rng(1)
    for _ in range(_PART_S):
        blocks = random.integers(0, 255, (6, 10, 3), np.uint8)
        scene = np.asarray(
            Image.fromarray(blocks).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.int16
        )
        grain = random.normal(0, _GRAIN, (HEIGHT, WIDTH, 1)).astype(np.int16)
        still = np.clip(scene + grain, 0, 255).astype(np.uint8)
        for frame in range(FRAMES):
            yield np.roll(still, 3 * frame, axis=1)


def _mux_sound(clip: Any, stream: Any, seconds: int, kind: str) -> None:
    resampler = av.AudioResampler(
        format=stream.codec_context.format, layout="mono", rate=_RATE, frame_size=4096
    )
    for second in range(seconds):
        at = np.arange(_RATE) / _RATE + second
        wave = 0.3 * np.sin(2 * np.pi * (440 * at + 100 * np.sin(at)))
        samples = wave.astype(np.float32) if kind == "fltp" else (wave * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None], format=kind, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = _RATE, second * _RATE, Fraction(1, _RATE)
        for piece in resampler.resample(frame):
            clip.mux(stream.encode(piece))
    clip.mux(stream.encode(None))


def _repeat(part: Path, path: Path, seconds: int) -> None:
    with av.open(str(path), "w") as clip:
        streams: dict[int, Any] = {}
        for turn in range(-(-seconds // _PART_S)):
            with av.open(str(part)) as source:
                for stream in source.streams if not streams else ():
                    streams[stream.index] = clip.add_stream_from_template(stream)
                for packet in source.demux():
                    if packet.dts is None:
                        continue
                    offset = int(turn * _PART_S / packet.time_base)
                    packet.dts += offset
                    packet.pts = None if packet.pts is None else packet.pts + offset
                    packet.stream = streams[packet.stream_index]
                    clip.mux(packet)
