"""Log-mel spectrograms as YAMNet takes them, in plain numpy: the same numbers on every machine.

Source: YAMNet's parameters in the TensorFlow model garden (research/audioset/yamnet/params.py):
frames of 25 ms every 10 ms, periodic Hann window, magnitudes of an FFT of 512, 64 mel bands from
125 to 7,500 Hz, log(x + 0.001). The mel scale is HTK's, 1127 ln(1 + f / 700), with triangles of
height 1.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from search.dsp import mel_triangles
from search.types import Waveform

RATE = 16_000
FRAME = 400
STEP = 160
BANDS = 64

_FFT = 512
_LOW_HZ, _HIGH_HZ = 125.0, 7500.0
_OFFSET = 1e-3

Spectrogram = npt.NDArray[np.float32]
"""(frames, BANDS)."""


def log_mel(wave: Waveform) -> Spectrogram:
    """Return the spectrogram of at least FRAME samples at RATE, one row every STEP samples."""
    frames = np.lib.stride_tricks.sliding_window_view(wave, FRAME)[::STEP]
    magnitudes = np.abs(np.fft.rfft(frames * _hann_window(), _FFT))
    mels = magnitudes @ _mel_weights() + np.float32(_OFFSET)
    spectrogram: Spectrogram = np.log(mels, dtype=np.float32)
    return spectrogram


def count_samples(frames: int) -> int:
    """Return the number of samples that give so many frames."""
    return (frames - 1) * STEP + FRAME


@functools.cache
def _hann_window() -> npt.NDArray[np.float32]:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)).astype(np.float32)


@functools.cache
def _mel_weights() -> npt.NDArray[np.float32]:
    """Return the mel filter bank, (FFT bins, BANDS)."""
    weights = np.maximum(0.0, mel_triangles(_FFT // 2 + 1, BANDS, _LOW_HZ, _HIGH_HZ, RATE))
    weights[0] = 0.0  # The constant component carries no sound.
    return weights.astype(np.float32)
