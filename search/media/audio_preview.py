"""What a sound looks like: how loud it is over its time, and which pitches it holds. Drawn while
it is decoded.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from PIL import Image

from search.dsp import FloatArray, mel_triangles
from search.encoders.protocol import Waveform

RATE = 16_000
"""Samples a second that are asked of the decoder."""

PEAKS = 240
"""Bars of a waveform."""

COLUMNS, BANDS = 640, 128
"""Size of a spectrogram in pixels."""

_WINDOW = 1024
_SHORTEST_STEP = 128
_LOW_HZ, _HIGH_HZ = 60.0, 7600.0
_RANGE_DB = 70.0
_SILENT = 2.0**-15
"""Below this everything is the rounding of 16 bits."""

_SHADES = (0.0, 0.35, 0.7, 1.0)
_COLOURS = ((13, 17, 18), (15, 92, 85), (127, 209, 193), (255, 243, 214))
"""From quiet to loud."""


class SoundSketch:
    """Takes a sound piece by piece; its memory does not grow with the sound. `seconds` is the
    play time of the clip, and what is heard after it counts to its end.
    """

    def __init__(self, seconds: float) -> None:
        self._samples = max(1, round(seconds * RATE))
        self._step = min(max(self._samples // COLUMNS, _SHORTEST_STEP), _WINDOW)
        self._peaks = np.zeros(PEAKS)
        self._power = np.zeros((COLUMNS, BANDS))
        self._frames = np.zeros(COLUMNS, np.int64)
        self._left = np.zeros(0, np.float32)
        self._at = 0

    def hear(self, wave: Waveform) -> None:
        """The next piece, at RATE."""
        begin = self._at + np.arange(len(wave))
        np.maximum.at(self._peaks, self._places(begin, PEAKS), np.abs(wave))
        self._look(np.concatenate([self._left, wave]))
        self._at += len(wave)

    def _look(self, wave: Waveform) -> None:
        """Adds the windows that are complete; what the next one needs is kept."""
        begin = self._at - len(self._left)
        count = max(0, (len(wave) - _WINDOW) // self._step + 1)
        if count:
            windows = np.lib.stride_tricks.sliding_window_view(wave, _WINDOW)[:: self._step][:count]
            power = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW))) ** 2 @ _bands()
            places = self._places(begin + np.arange(count) * self._step + _WINDOW // 2, COLUMNS)
            np.add.at(self._power, places, power)
            np.add.at(self._frames, places, 1)
        self._left = wave[count * self._step :]

    def _places(self, samples: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
        return np.minimum(samples * count // self._samples, count - 1)

    def peaks(self) -> bytes:
        """PEAKS bytes, how loud each stretch is beside the loudest one, from 0 to 255; none for
        a silent sound.
        """
        loudest = float(self._peaks.max())
        return (
            b""
            if loudest < _SILENT
            else np.ceil(self._peaks / loudest * 255).astype(np.uint8).tobytes()
        )

    def spectrogram(self) -> Image.Image | None:
        """COLUMNS × BANDS pixels, RGB, low pitches below, on the mel scale; None for a silent
        sound.
        """
        heard = np.flatnonzero(self._frames)
        if not len(heard) or not self.peaks():
            return None
        power = np.zeros((COLUMNS, BANDS))
        near = heard[np.clip(np.searchsorted(heard, np.arange(COLUMNS)), 0, len(heard) - 1)]
        # A short sound has fewer windows than there are columns, and each stands for those about
        # it.
        reach = COLUMNS * max(self._step, _WINDOW) / self._samples + 1
        within = np.abs(near - np.arange(COLUMNS)) <= reach
        power[within] = self._power[near[within]] / self._frames[near[within], None]
        level = 10 * np.log10(np.maximum(power, 1e-12))
        shade = np.clip((level - level.max()) / _RANGE_DB + 1, 0, 1)
        return Image.fromarray(_coloured(shade.T[::-1]))


@functools.cache
def _bands() -> FloatArray:
    """(bins of the transform, BANDS): triangles that overlap by half, evenly spaced on the mel
    scale.
    """
    near = mel_triangles(_WINDOW // 2 + 1, BANDS, _LOW_HZ, _HIGH_HZ, RATE)
    weights = np.maximum(0.0, near)
    # Low bands are narrower than the bins: each takes at least the bin that is nearest.
    nearest = near.argmax(axis=0), np.arange(BANDS)
    weights[nearest] = np.maximum(weights[nearest], 1e-2)
    found: FloatArray = weights / weights.sum(axis=0)
    return found


def _coloured(shade: FloatArray) -> npt.NDArray[np.uint8]:
    parts = [np.interp(shade, _SHADES, values) for values in zip(*_COLOURS, strict=True)]
    return np.stack(parts, axis=-1).astype(np.uint8)
