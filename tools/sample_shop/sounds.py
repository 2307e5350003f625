"""Synthesise product sounds: 22.05 kHz mono, 16-bit WAV."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 22_050
Samples = npt.NDArray[np.float64]

BELL_PARTIALS = (
    (0.5, 0.5, 1.6),
    (1.0, 1.0, 1.2),
    (1.19, 0.6, 1.0),
    (1.5, 0.35, 0.8),
    (2.0, 0.6, 0.7),
    (2.74, 0.3, 0.5),
    (3.76, 0.2, 0.3),
    (5.4, 0.12, 0.18),
)
"""Frequency ratio, strength and decay in seconds of the partials of a church bell."""
BAR_PARTIALS = ((1.0, 1.0, 0.5), (3.93, 0.35, 0.16), (9.54, 0.12, 0.05))
"""The same of a wooden bar, tuned to the double octave."""


def _time(seconds: float) -> Samples:
    return np.arange(int(seconds * RATE)) / RATE


def _strike(
    pitch: float,
    partials: tuple[tuple[float, float, float], ...],
    seconds: float,
    stretch: float = 1.0,
) -> Samples:
    t = _time(seconds)
    tone = sum(
        a * np.exp(-t / (d * stretch)) * np.sin(2 * np.pi * pitch * r * t) for r, a, d in partials
    )
    return np.asarray(tone) * np.minimum(t / 0.002, 1)


def _mix(total: float, events: list[tuple[float, Samples]]) -> Samples:
    out = np.zeros(int(total * RATE))
    for start, sound in events:
        at = int(start * RATE)
        part = sound[: out.size - at]
        out[at : at + part.size] += part
    return out


def synthesise_bell(rng: np.random.Generator) -> Samples:
    pitch = float(rng.uniform(520, 1500))
    gap = float(rng.uniform(0.55, 1.1))
    return _mix(
        3.4,
        [(0.05 + k * gap, _strike(pitch, BELL_PARTIALS, 3.0) * (1 - 0.15 * k)) for k in range(2)],
    )


def synthesise_kettle(rng: np.random.Generator) -> Samples:
    """Return rumbling water, then a whistle that rises and holds."""
    t = _time(3.6)
    rise = 1 / (1 + np.exp(-(t - 1.3) * 4))
    pitch = (
        float(rng.uniform(1900, 2400))
        * (0.8 + 0.2 * rise)
        * (1 + 0.006 * np.sin(2 * np.pi * 7 * t))
    )
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    steam = np.convolve(rng.standard_normal(t.size), np.ones(9) / 9, mode="same")
    return rise * (np.sin(phase) + 0.35 * np.sin(2 * phase)) * 0.7 + steam * (0.25 + 0.15 * rise)


def synthesise_drum(rng: np.random.Generator) -> Samples:
    low = float(rng.uniform(75, 130))
    t = _time(0.5)
    boom = np.exp(-t / 0.14) * np.sin(2 * np.pi * (low * t + low * 0.06 * (1 - np.exp(-t / 0.03))))
    tap = np.exp(-t / 0.05) * rng.standard_normal(t.size) * 0.5 + 0.4 * boom
    beat = float(rng.uniform(0.19, 0.26))
    events = [
        (0.05 + k * beat, boom if hit == "x" else tap)
        for k, hit in enumerate("x.oox.ox.oox")
        if hit != "."
    ]
    return _mix(0.6 + 12 * beat, events)


def synthesise_xylophone(rng: np.random.Generator) -> Samples:
    """Return a short tune on a pentatonic scale that ends on the tonic."""
    scale = [0, 2, 4, 7, 9, 12, 14, 16]
    root, place = float(rng.uniform(500, 700)), int(rng.integers(3, 6))
    events, start = [], 0.05
    for step in range(9):
        place = int(np.clip(place + rng.integers(-2, 3), 0, 7)) if step < 8 else 0
        events.append((start, _strike(root * 2 ** (scale[place] / 12), BAR_PARTIALS, 0.9)))
        start += 0.19 if rng.random() < 0.4 else 0.36
    return _mix(start + 0.7, events)


def synthesise_duck(rng: np.random.Generator) -> Samples:
    """Return squeaks: a reed that rises in pitch and falls."""
    t = _time(0.34)
    base = float(rng.uniform(620, 900))
    sweep = base * (1 + 0.55 * np.sin(np.pi * np.clip(t / 0.3, 0, 1)) ** 0.6)
    phase = 2 * np.pi * np.cumsum(sweep) / RATE
    reed = sum(np.sin(k * phase) / k**0.8 for k in (1, 2, 3, 4, 5))
    squeak = np.asarray(reed) * np.sin(np.pi * np.clip(t / 0.34, 0, 1)) ** 0.5
    return _mix(2.3, [(0.1, squeak), (0.6, squeak * 0.8), (1.35, squeak), (1.75, squeak * 0.7)])


def synthesise_clock(rng: np.random.Generator) -> Samples:
    """Return ticking, then the alarm."""
    pitch = float(rng.uniform(1500, 2300))
    wood = ((1.0, 1.0, 0.012), (1.7, 0.6, 0.008), (2.9, 0.4, 0.005))
    ticks = [(0.1 + k * 0.5, _strike(pitch * (1 if k % 2 else 0.84), wood, 0.2)) for k in range(4)]
    ring = [
        (2.1 + k * 0.06, _strike(pitch * 0.9, BELL_PARTIALS, 0.5, 0.2) * 0.5) for k in range(20)
    ]
    return _mix(3.7, ticks + ring)


SOUNDS: dict[str, Callable[[np.random.Generator], Samples]] = {
    "bell": synthesise_bell,
    "kettle": synthesise_kettle,
    "drum": synthesise_drum,
    "xylophone": synthesise_xylophone,
    "duck": synthesise_duck,
    "clock": synthesise_clock,
}
"""Synthesisers by the key of the product type."""


def write_sound(type_key: str, seed: int, path: Path) -> None:
    """Write the sound of a product type, 2 to 4 seconds; `seed` varies pitch and rhythm."""
    samples = SOUNDS[type_key](np.random.default_rng([seed, 5]))
    fade = np.minimum(1, np.arange(samples.size)[::-1] / (0.05 * RATE))
    loud = samples * fade / max(float(np.abs(samples).max()), 1e-9) * 0.85
    with wave.open(str(path), "wb") as clip:
        clip.setnchannels(1)
        clip.setsampwidth(2)
        clip.setframerate(RATE)
        clip.writeframes((loud * 32767).astype("<i2").tobytes())
