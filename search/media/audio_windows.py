"""Cuts the audio of a clip into overlapping windows and leaves out silence.

The loudness threshold is relative to the clip: a quiet recording is not silent, and a constant
hum is not sound. It is computed from the audio so far and from the next minute, so memory does
not grow with the clip.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from search.types import AudioFormat, Span, Waveform

BLOCK_S = 0.05
LOOKAHEAD_S = 60.0
MARGIN_BLOCKS = 3
"""Blocks kept before and after loud ones: sounds start and fade below any threshold."""

PAUSE_S = 1.0
"""A silence at least this long separates two sounds; ticks of a clock are one sound."""

SILENT_DB = -75.0
"""Relative to full scale; lower levels are rounding errors of 16-bit samples."""

_RANGE_DB = 45.0
_ABOVE_FLOOR_DB = 6.0
_STEADY_DB = 12.0
_MIN_LEVEL_DB = -100


class LoudnessGate:
    """Histogram of block levels in steps of 1 dB, and the threshold that follows from it."""

    def __init__(self) -> None:
        self._counts = np.zeros(-_MIN_LEVEL_DB + 1, np.int64)

    def add(self, level: float) -> None:
        self._counts[round(min(max(level, _MIN_LEVEL_DB), 0.0)) - _MIN_LEVEL_DB] += 1

    @property
    def threshold(self) -> float:
        """Level in dB above which a block counts as sound.

        It is 6 dB above the noise floor (the level that nine of ten blocks exceed), but at least
        12 dB below the peak, so that a steady sound counts throughout, and at most 45 dB below.
        """
        levels = np.flatnonzero(self._counts)
        peak = float(levels[-1] + _MIN_LEVEL_DB) if len(levels) else _MIN_LEVEL_DB
        tenth = int(np.searchsorted(np.cumsum(self._counts), self._counts.sum() / 10))
        over_floor = min(tenth + _MIN_LEVEL_DB + _ABOVE_FLOOR_DB, peak - _STEADY_DB)
        return max(SILENT_DB, peak - _RANGE_DB, over_floor)


@dataclass(slots=True)
class _Run:
    """Blocks of one sound from the start of its next window, given in samples."""

    start: int
    blocks: list[Waveform] = field(default_factory=list)
    samples: int = 0

    def add(self, block: Waveform) -> None:
        self.blocks.append(block)
        self.samples += len(block)


def cut_audio_windows(
    chunks: Iterable[Waveform], format: AudioFormat
) -> Iterator[tuple[Span, Waveform]]:
    """Yield windows of at most `format.window_s` seconds, each with its time span.

    `chunks` are consecutive pieces of a waveform at `format.rate`. Windows of one sound start
    `hop_s` apart, and the last one ends with the sound. A shorter sound gives one window of its
    own length; a silent clip gives none. About a minute of audio is held in memory.
    """
    window, hop = round(format.window_s * format.rate), round(format.hop_s * format.rate)
    pause = round(PAUSE_S / BLOCK_S)
    run: _Run | None = None
    quiet: list[Waveform] = []
    at = 0
    for block, is_loud in _emit(_split_blocks(chunks, round(BLOCK_S * format.rate))):
        if is_loud:
            if run is None:
                kept = quiet[-MARGIN_BLOCKS:]
                run = _Run(at - sum(map(len, kept)))
                quiet = kept
            for each in (*quiet, block):
                run.add(each)
            quiet = []
            yield from _complete_windows(run, window, hop, format.rate)
        else:
            quiet = [*quiet[-pause:], block]
            if run is not None and len(quiet) >= pause:
                yield from _last_windows(run, quiet[:MARGIN_BLOCKS], window, hop, format.rate)
                run = None
        at += len(block)
    if run is not None:
        yield from _last_windows(run, quiet[:MARGIN_BLOCKS], window, hop, format.rate)


def _complete_windows(
    run: _Run, window: int, hop: int, rate: int
) -> Iterator[tuple[Span, Waveform]]:
    """Yield the complete windows; samples of the next one stay in the run."""
    while run.samples >= window + hop:
        wave = np.concatenate(run.blocks)
        yield _window(run.start, wave[:window], rate)
        run.blocks, run.samples, run.start = [wave[hop:]], len(wave) - hop, run.start + hop


def _last_windows(
    run: _Run, fading: list[Waveform], window: int, hop: int, rate: int
) -> Iterator[tuple[Span, Waveform]]:
    """Yield the last windows of a sound; the very last ends with it."""
    for block in fading:
        run.add(block)
    yield from _complete_windows(run, window, hop, rate)
    wave = np.concatenate(run.blocks)
    if len(wave) - window > hop // 4:  # Else two windows would be almost the same.
        yield _window(run.start, wave[:window], rate)
    yield _window(run.start + max(0, len(wave) - window), wave[-window:], rate)


def _window(start: int, wave: Waveform, rate: int) -> tuple[Span, Waveform]:
    return Span(start / rate, (start + len(wave)) / rate), wave


def _split_blocks(chunks: Iterable[Waveform], size: int) -> Iterator[Waveform]:
    left = np.zeros(0, np.float32)
    for chunk in chunks:
        joined = np.concatenate([left, chunk])
        whole = len(joined) - len(joined) % size
        yield from joined[:whole].reshape(-1, size)
        left = joined[whole:]
    if len(left):
        yield left


def _emit(blocks: Iterator[Waveform]) -> Iterator[tuple[Waveform, bool]]:
    """Yield every block and whether it is sound, a minute later than it comes in."""
    gate = LoudnessGate()
    waiting: deque[tuple[Waveform, float]] = deque()
    for block in blocks:
        level = _level(block)
        gate.add(level)
        waiting.append((block, level))
        if len(waiting) > LOOKAHEAD_S / BLOCK_S:
            ready, ready_level = waiting.popleft()
            yield ready, ready_level > gate.threshold
    while waiting:
        ready, ready_level = waiting.popleft()
        yield ready, ready_level > gate.threshold


def _level(block: npt.NDArray[np.float32]) -> float:
    """Return the root mean square in dB relative to full scale, without a constant offset."""
    return float(20 * np.log10(max(block.std(), 1e-5)))
