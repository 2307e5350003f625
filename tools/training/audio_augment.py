"""Sounds for a student to imitate its teacher on: crops of recordings, tones, noise and knocks,
changed and mixed.

What is right is what the teacher hears, so a sound may be changed until nobody could name it.
Source: Hinton et al., Distilling the Knowledge in a Neural Network (2015), section 2: a teacher
needs no labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from search.encoders.compact.sound_tower import PATCH
from search.encoders.compact.spectrogram import RATE, log_mel, samples_of
from search.encoders.protocol import Waveform
from tools.training.sound_examples import ratio_between

SAMPLES = samples_of(PATCH)
MADE = 0.2
"""Share of sounds that are made, not cropped."""

MIXED = 0.45
FILTERED = 0.4
REVERSED = 0.15

_LOUD = 0.02
_TRIES = 4
_FLOOR = 1e-4

Samples = npt.NDArray[np.float64]
"""(SAMPLES,) at RATE."""


class PatchSource:
    """An endless row of patches; the same seed draws the same ones."""

    def __init__(self, waves: Sequence[Waveform], seed: int) -> None:
        self._waves = waves
        self._rng = np.random.default_rng(seed)

    def draw(self, count: int) -> Tensor:
        """(count, PATCH, BANDS) float32."""
        return torch.from_numpy(np.stack([log_mel(self._sound())[:PATCH] for _ in range(count)]))

    def _sound(self) -> Waveform:
        wave = self._plain()
        if self._rng.random() < FILTERED:
            wave = _filtered(wave, self._rng)
        if self._rng.random() < REVERSED:
            wave = wave[::-1]
        wave = _full(wave)
        if self._rng.random() < MIXED:
            wave = _full(wave + _full(self._plain()) * ratio_between(self._rng, -30, 0))
        quieter: Waveform = (wave * ratio_between(self._rng, -35, 0)).astype(np.float32)
        return quieter

    def _plain(self) -> Samples:
        if self._rng.random() < MADE:
            make = (_tones, _noise, _knocks)[int(self._rng.integers(3))]
            return make(self._rng)
        return _cropped(self._waves[int(self._rng.integers(len(self._waves)))], self._rng)


def _cropped(wave: Waveform, rng: np.random.Generator) -> Samples:
    """Part of a recording, faster or slower by up to a half; of a few parts the first that is
    not silent.
    """
    factor = 2 ** rng.uniform(-0.6, 0.6)
    needed = int(SAMPLES * factor) + 2
    wave = np.pad(wave, (0, max(0, needed - len(wave))))
    part = wave[:needed]
    for _ in range(_TRIES):
        start = int(rng.integers(len(wave) - needed + 1))
        part = wave[start : start + needed]
        if np.abs(part).max() > _LOUD:
            break
    found: Samples = np.interp(np.arange(SAMPLES) * factor, np.arange(needed), part)
    return found


def _tones(rng: np.random.Generator) -> Samples:
    """A tone with overtones that rises or falls, and for one of two dies away."""
    lowest = 2 ** rng.uniform(6, 12)
    pitch = np.linspace(lowest, lowest * 2 ** rng.uniform(-1.5, 1.5), SAMPLES)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    count = int(rng.integers(2, 9))
    wave = np.zeros(SAMPLES)
    for overtone in range(1, count):
        wave += (
            np.where(pitch * overtone < RATE / 2, np.sin(phase * overtone), 0.0)
            * rng.random()
            / overtone
        )
    seconds = np.arange(SAMPLES) / RATE
    return wave * np.exp(-seconds * rng.uniform(1, 20)) if rng.random() < 0.5 else wave


def _noise(rng: np.random.Generator) -> Samples:
    """Noise in one band, for one of two trembling."""
    spectrum = np.fft.rfft(rng.standard_normal(SAMPLES))
    hertz = np.fft.rfftfreq(SAMPLES, 1 / RATE) + 1
    band = np.log2(hertz / 2 ** rng.uniform(7, 13)) / rng.uniform(0.3, 4)
    wave: Samples = np.fft.irfft(spectrum * np.exp(-0.5 * band**2), SAMPLES)
    if rng.random() < 0.5:
        wave = wave * (1 + np.sin(2 * np.pi * rng.uniform(1, 30) * np.arange(SAMPLES) / RATE))
    return wave


def _knocks(rng: np.random.Generator) -> Samples:
    """One knock, ring or click, again and again, evenly or at random."""
    length = int(2 ** rng.uniform(4, 11))
    fading = np.exp(-np.arange(length) / length * 6)
    ring = np.sin(2 * np.pi * 2 ** rng.uniform(7, 12.5) * np.arange(length) / RATE)
    knock = fading * (ring if rng.random() < 0.5 else rng.standard_normal(length))
    step = int(2 ** rng.uniform(9, 13))
    starts = np.arange(int(rng.integers(step)), SAMPLES, step)
    if rng.random() < 0.5:
        starts = rng.integers(SAMPLES, size=len(starts))
    wave = np.zeros(SAMPLES + length)
    for start in starts:
        wave[start : start + length] += knock * rng.random()
    return wave[:SAMPLES]


def _filtered(wave: Samples, rng: np.random.Generator) -> Samples:
    """As another room or loudspeaker would give it: some pitches louder, some quieter."""
    octaves = np.log2(np.fft.rfftfreq(len(wave), 1 / RATE) + 20)
    gains = np.interp(octaves, np.sort(rng.uniform(4.3, 13, 4)), rng.uniform(-15, 10, 4))
    found: Samples = np.fft.irfft(np.fft.rfft(wave) * 10 ** (gains / 20), len(wave))
    return found


def _full(wave: Samples) -> Samples:
    found: Samples = wave / max(float(np.abs(wave).max()), _FLOOR)
    return found
