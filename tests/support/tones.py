"""Audio of steady tones, and videos of plain colours with such audio."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from search.types import Waveform

RATE = 8000


def tones(pitches: Sequence[float], seconds: float = 1.0) -> Waveform:
    """Return tones of these pitches one after another, in Hz; 0 is silence."""
    time = np.arange(int(RATE * seconds)) / RATE
    parts = [
        np.sin(2 * np.pi * pitch * time) * 0.5 if pitch else np.zeros_like(time)
        for pitch in pitches
    ]
    return np.concatenate(parts).astype(np.float32)


def tone_file(pitches: Sequence[float], seconds: float = 1.0) -> bytes:
    """Return the tones as a WAV file."""
    content = io.BytesIO()
    with wave.open(content, "wb") as clip:
        clip.setparams((1, 2, RATE, 0, "NONE", ""))
        clip.writeframes((tones(pitches, seconds) * 32767).astype("<i2").tobytes())
    return content.getvalue()


def sounding_film(
    path: Path,
    colours: Sequence[tuple[int, int, int]],
    pitches: Sequence[float],
    *,
    broken_sound: bool = False,
) -> bytes:
    """Return a Matroska video: a second of each colour, and a second of each pitch, if any."""
    with av.open(str(path), "w", format="matroska") as clip:
        pictures: Any = clip.add_stream("mpeg4", rate=10)
        pictures.width = pictures.height = 64
        pictures.pix_fmt = "yuv420p"
        track: Any = clip.add_stream("flac", rate=RATE, layout="mono") if pitches else None
        for number, colour in enumerate(np.repeat(np.array(colours, np.uint8), 10, axis=0)):
            frame = av.VideoFrame.from_ndarray(
                np.full((64, 64, 3), colour, np.uint8), format="rgb24"
            )
            frame.pts = number
            clip.mux(pictures.encode(frame))
        clip.mux(pictures.encode(None))
        if track:
            for packet in _packets(track, (tones(pitches) * 32767).astype(np.int16)):
                clip.mux(_emptied(packet) if broken_sound else packet)
    return path.read_bytes()


def _packets(track: Any, samples: npt.NDArray[np.int16]) -> Iterator[Any]:
    for start in range(0, len(samples), 1000):
        sound = av.AudioFrame.from_ndarray(
            samples[np.newaxis, start : start + 1000], format="s16", layout="mono"
        )
        sound.sample_rate, sound.pts = RATE, start
        yield from track.encode(sound)
    yield from track.encode(None)


def _emptied(packet: Any) -> Any:
    """Return the packet with all bytes zero."""
    empty = av.Packet(bytes(packet.size))
    empty.stream, empty.pts, empty.dts, empty.time_base = (
        packet.stream,
        packet.pts,
        packet.dts,
        packet.time_base,
    )
    return empty
