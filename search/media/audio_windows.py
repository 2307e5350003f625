"""Overlapping windows over what is heard in a clip; silence is left out.

Loud and quiet are relative to the clip: a quiet recording is not silent, and a hum that never
stops is not sound. Both are judged by what was heard so far and by the minute ahead, so that
memory does not grow with the clip.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from search.encoders.protocol import AudioFormat, Waveform
from search.types import Span

BLOCK_S = 0.05
AHEAD_S = 60.0
MARGIN_BLOCKS = 3
"""Blocks kept before and after what is loud: sounds begin and fade below any threshold."""

PAUSE_S = 1.0
"""A silence at least this long parts two sounds. Ticks of a clock are one sound."""

SILENT_DB = -75.0
"""Below this, relative to full scale, is the rounding of 16 bits."""

_RANGE_DB = 45.0
_ABOVE_FLOOR_DB = 6.0
_STEADY_DB = 12.0
_LOWEST_DB = -100


class Loudness:
    """Levels heard so far, in steps of 1 dB: the loudest, and the floor that nine of ten blocks
    are above.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(-_LOWEST_DB + 1, np.int64)

    def hear(self, level: float) -> None:
        self._counts[round(min(max(level, _LOWEST_DB), 0.0)) - _LOWEST_DB] += 1

    @property
    def threshold(self) -> float:
        """Level in dB above which a block counts as sound.

        Well above the floor; but a steady sound, whose floor lies close under its peak, is sound
        throughout, and no more than 45 dB under the peak is any.
        """
        heard = np.flatnonzero(self._counts)
        peak = float(heard[-1] + _LOWEST_DB) if len(heard) else _LOWEST_DB
        tenth = int(np.searchsorted(np.cumsum(self._counts), self._counts.sum() / 10))
        over_floor = min(tenth + _LOWEST_DB + _ABOVE_FLOOR_DB, peak - _STEADY_DB)
        return max(SILENT_DB, peak - _RANGE_DB, over_floor)


@dataclass(slots=True)
class _Run:
    """Blocks of one sound since the start of its next window, and where that is in samples."""

    start: int
    blocks: list[Waveform] = field(default_factory=list)
    samples: int = 0

    def add(self, block: Waveform) -> None:
        self.blocks.append(block)
        self.samples += len(block)


def sound_windows(
    chunks: Iterable[Waveform], format: AudioFormat
) -> Iterator[tuple[Span, Waveform]]:
    """Waveforms at `format.rate`, piece by piece → windows of at most `window_s` seconds with
    their seconds.

    Windows of one sound begin `hop_s` apart, and its last one ends with it. A sound shorter than
    a window gives one window of its own length; a digitally silent clip gives none. Holds about
    a minute of sound.
    """
    window, hop = round(format.window_s * format.rate), round(format.hop_s * format.rate)
    pause = round(PAUSE_S / BLOCK_S)
    run: _Run | None = None
    quiet: list[Waveform] = []
    at = 0
    for block, loud in _judged(_blocks(chunks, round(BLOCK_S * format.rate))):
        if loud:
            if run is None:
                kept = quiet[-MARGIN_BLOCKS:]
                run = _Run(at - sum(map(len, kept)))
                quiet = kept
            for each in (*quiet, block):
                run.add(each)
            quiet = []
            yield from _full(run, window, hop, format.rate)
        else:
            quiet = [*quiet[-pause:], block]
            if run is not None and len(quiet) >= pause:
                yield from _rest(run, quiet[:MARGIN_BLOCKS], window, hop, format.rate)
                run = None
        at += len(block)
    if run is not None:
        yield from _rest(run, quiet[:MARGIN_BLOCKS], window, hop, format.rate)


def _full(run: _Run, window: int, hop: int, rate: int) -> Iterator[tuple[Span, Waveform]]:
    """The windows that are complete; what the next one needs stays in the run."""
    while run.samples >= window + hop:
        wave = np.concatenate(run.blocks)
        yield _window(run.start, wave[:window], rate)
        run.blocks, run.samples, run.start = [wave[hop:]], len(wave) - hop, run.start + hop


def _rest(
    run: _Run, fading: list[Waveform], window: int, hop: int, rate: int
) -> Iterator[tuple[Span, Waveform]]:
    """The last windows of a sound: the very last ends with it."""
    for block in fading:
        run.add(block)
    yield from _full(run, window, hop, rate)
    wave = np.concatenate(run.blocks)
    if len(wave) - window > hop // 4:  # Else two windows would be almost the same.
        yield _window(run.start, wave[:window], rate)
    yield _window(run.start + max(0, len(wave) - window), wave[-window:], rate)


def _window(start: int, wave: Waveform, rate: int) -> tuple[Span, Waveform]:
    return Span(start / rate, (start + len(wave)) / rate), wave


def _blocks(chunks: Iterable[Waveform], size: int) -> Iterator[Waveform]:
    left = np.zeros(0, np.float32)
    for chunk in chunks:
        joined = np.concatenate([left, chunk])
        whole = len(joined) - len(joined) % size
        yield from joined[:whole].reshape(-1, size)
        left = joined[whole:]
    if len(left):
        yield left


def _judged(blocks: Iterator[Waveform]) -> Iterator[tuple[Waveform, bool]]:
    """Every block, and whether it is sound, once the minute after it has been heard."""
    loudness = Loudness()
    waiting: deque[tuple[Waveform, float]] = deque()
    for block in blocks:
        level = _level(block)
        loudness.hear(level)
        waiting.append((block, level))
        if len(waiting) > AHEAD_S / BLOCK_S:
            ready, its_level = waiting.popleft()
            yield ready, its_level > loudness.threshold
    while waiting:
        ready, its_level = waiting.popleft()
        yield ready, its_level > loudness.threshold


def _level(block: npt.NDArray[np.float32]) -> float:
    """Root mean square in dB relative to full scale. A constant offset of the recording is no
    sound.
    """
    return float(20 * np.log10(max(block.std(), 1e-5)))
