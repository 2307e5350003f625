"""Sounds for distillation: crops of recordings, tones, noise and knocks, augmented and mixed.

The targets are the teacher's outputs, so a sound may be changed beyond recognition. Source:
Hinton et al., Distilling the Knowledge in a Neural Network (2015), section 2: a teacher needs no
labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from search.encoders.compact.audio_tower import PATCH
from search.encoders.compact.spectrogram import RATE, count_samples, log_mel
from search.types import Waveform
from tools.training.sound_examples import random_gain

SAMPLES = count_samples(PATCH)
SYNTHETIC_SHARE = 0.2
"""Share of sounds that are synthesised, not cropped from a recording."""

MIXED_SHARE = 0.45
FILTERED_SHARE = 0.4
REVERSED_SHARE = 0.15

_MIN_PEAK = 0.02
_MAX_TRIES = 4
_MIN_LEVEL = 1e-4

Samples = npt.NDArray[np.float64]
"""(SAMPLES,) at RATE."""


class PatchSource:
    """An endless sequence of patches, determined by the seed."""

    def __init__(self, waves: Sequence[Waveform], seed: int) -> None:
        self._waves = waves
        self._rng = np.random.default_rng(seed)

    def draw(self, count: int) -> Tensor:
        """Return the next patches, (count, PATCH, BANDS) float32."""
        patches = [log_mel(self._draw_sound())[:PATCH] for _ in range(count)]
        return torch.from_numpy(np.stack(patches))

    def _draw_sound(self) -> Waveform:
        wave = self._draw_source()
        if self._rng.random() < FILTERED_SHARE:
            wave = _filter_randomly(wave, self._rng)
        if self._rng.random() < REVERSED_SHARE:
            wave = wave[::-1]
        wave = _normalise_peak(wave)
        if self._rng.random() < MIXED_SHARE:
            other = _normalise_peak(self._draw_source())
            wave = _normalise_peak(wave + other * random_gain(self._rng, -30, 0))
        quieter: Waveform = (wave * random_gain(self._rng, -35, 0)).astype(np.float32)
        return quieter

    def _draw_source(self) -> Samples:
        if self._rng.random() < SYNTHETIC_SHARE:
            makers = (_make_tones, _make_noise, _make_knocks)
            return makers[int(self._rng.integers(3))](self._rng)
        return _crop(self._waves[int(self._rng.integers(len(self._waves)))], self._rng)


def _crop(wave: Waveform, rng: np.random.Generator) -> Samples:
    """Return part of a recording, up to a half faster or slower, that is not silent if possible."""
    factor = 2 ** rng.uniform(-0.6, 0.6)
    needed = int(SAMPLES * factor) + 2
    wave = np.pad(wave, (0, max(0, needed - len(wave))))
    part = wave[:needed]
    for _ in range(_MAX_TRIES):
        start = int(rng.integers(len(wave) - needed + 1))
        part = wave[start : start + needed]
        if np.abs(part).max() > _MIN_PEAK:
            break
    resampled: Samples = np.interp(np.arange(SAMPLES) * factor, np.arange(needed), part)
    return resampled


def _make_tones(rng: np.random.Generator) -> Samples:
    """Return a tone with overtones that rises or falls; every second one fades out."""
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


def _make_noise(rng: np.random.Generator) -> Samples:
    """Return noise in one band; every second one has a tremolo."""
    spectrum = np.fft.rfft(rng.standard_normal(SAMPLES))
    hertz = np.fft.rfftfreq(SAMPLES, 1 / RATE) + 1
    band = np.log2(hertz / 2 ** rng.uniform(7, 13)) / rng.uniform(0.3, 4)
    wave: Samples = np.fft.irfft(spectrum * np.exp(-0.5 * band**2), SAMPLES)
    if rng.random() < 0.5:
        wave = wave * (1 + np.sin(2 * np.pi * rng.uniform(1, 30) * np.arange(SAMPLES) / RATE))
    return wave


def _make_knocks(rng: np.random.Generator) -> Samples:
    """Return one repeated knock, ring or click, at even or random intervals."""
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


def _filter_randomly(wave: Samples, rng: np.random.Generator) -> Samples:
    """Change the level of some frequencies, as another room or loudspeaker would."""
    octaves = np.log2(np.fft.rfftfreq(len(wave), 1 / RATE) + 20)
    gains = np.interp(octaves, np.sort(rng.uniform(4.3, 13, 4)), rng.uniform(-15, 10, 4))
    filtered: Samples = np.fft.irfft(np.fft.rfft(wave) * 10 ** (gains / 20), len(wave))
    return filtered


def _normalise_peak(wave: Samples) -> Samples:
    normalised: Samples = wave / max(float(np.abs(wave).max()), _MIN_LEVEL)
    return normalised
