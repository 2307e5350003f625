"""Waveform and spectrogram of a clip's audio, computed while it is decoded."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from PIL import Image

from search.dsp import FloatArray, mel_triangles
from search.types import Waveform

RATE = 16_000
"""Samples per second."""

PEAKS = 240
"""Bars of a waveform."""

COLUMNS, BANDS = 640, 128
"""Size of a spectrogram in pixels."""

_WINDOW = 1024
_MIN_STEP = 128
_LOW_HZ, _HIGH_HZ = 60.0, 7600.0
_RANGE_DB = 70.0
_SILENT = 2.0**-15
"""Lower peaks are rounding errors of 16-bit samples."""

_SHADES = (0.0, 0.35, 0.7, 1.0)
_COLOURS = ((13, 17, 18), (15, 92, 85), (127, 209, 193), (255, 243, 214))
"""From quiet to loud."""


class AudioPreview:
    """Takes a waveform piece by piece, in constant memory.

    `seconds` is the play time of the clip; samples after it are added to the last column.
    """

    def __init__(self, seconds: float) -> None:
        self._samples = max(1, round(seconds * RATE))
        self._step = min(max(self._samples // COLUMNS, _MIN_STEP), _WINDOW)
        self._peaks = np.zeros(PEAKS)
        self._power = np.zeros((COLUMNS, BANDS))
        self._frames = np.zeros(COLUMNS, np.int64)
        self._rest = np.zeros(0, np.float32)
        self._position = 0

    def feed(self, wave: Waveform) -> None:
        """Add the next piece, at RATE."""
        samples = self._position + np.arange(len(wave))
        np.maximum.at(self._peaks, self._columns(samples, PEAKS), np.abs(wave))
        self._add_windows(np.concatenate([self._rest, wave]))
        self._position += len(wave)

    def _add_windows(self, wave: Waveform) -> None:
        """Add the complete windows; keep the samples of the next one."""
        begin = self._position - len(self._rest)
        count = max(0, (len(wave) - _WINDOW) // self._step + 1)
        if count:
            windows = np.lib.stride_tricks.sliding_window_view(wave, _WINDOW)[:: self._step][:count]
            power = np.abs(np.fft.rfft(windows * np.hanning(_WINDOW))) ** 2 @ _bands()
            centres = begin + np.arange(count) * self._step + _WINDOW // 2
            columns = self._columns(centres, COLUMNS)
            np.add.at(self._power, columns, power)
            np.add.at(self._frames, columns, 1)
        self._rest = wave[count * self._step :]

    def _columns(self, samples: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
        return np.minimum(samples * count // self._samples, count - 1)

    def peaks(self) -> bytes:
        """Return PEAKS bytes: the peak of each interval relative to the loudest, 0 to 255.

        Returns nothing for silent audio.
        """
        loudest = float(self._peaks.max())
        return (
            b""
            if loudest < _SILENT
            else np.ceil(self._peaks / loudest * 255).astype(np.uint8).tobytes()
        )

    def spectrogram(self) -> Image.Image | None:
        """Return COLUMNS × BANDS pixels, RGB, on the mel scale with low pitches at the bottom.

        Returns None for silent audio.
        """
        filled = np.flatnonzero(self._frames)
        if not len(filled) or not self.peaks():
            return None
        power = np.zeros((COLUMNS, BANDS))
        nearest = filled[np.clip(np.searchsorted(filled, np.arange(COLUMNS)), 0, len(filled) - 1)]
        # Short audio has fewer windows than columns: each window fills the columns around it.
        reach = COLUMNS * max(self._step, _WINDOW) / self._samples + 1
        within = np.abs(nearest - np.arange(COLUMNS)) <= reach
        power[within] = self._power[nearest[within]] / self._frames[nearest[within], None]
        level = 10 * np.log10(np.maximum(power, 1e-12))
        shade = np.clip((level - level.max()) / _RANGE_DB + 1, 0, 1)
        return Image.fromarray(_to_colours(shade.T[::-1]))


@functools.cache
def _bands() -> FloatArray:
    """Return overlapping triangular filters, evenly spaced on the mel scale: (bins, BANDS)."""
    filters = mel_triangles(_WINDOW // 2 + 1, BANDS, _LOW_HZ, _HIGH_HZ, RATE)
    weights = np.maximum(0.0, filters)
    # Low bands are narrower than a bin: each takes at least its nearest bin.
    nearest = filters.argmax(axis=0), np.arange(BANDS)
    weights[nearest] = np.maximum(weights[nearest], 1e-2)
    found: FloatArray = weights / weights.sum(axis=0)
    return found


def _to_colours(shade: FloatArray) -> npt.NDArray[np.uint8]:
    parts = [np.interp(shade, _SHADES, values) for values in zip(*_COLOURS, strict=True)]
    return np.stack(parts, axis=-1).astype(np.uint8)
