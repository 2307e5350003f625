"""Windows cover the audible parts with the right spans, in constant memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from search.media.audio_windows import MARGIN_BLOCKS, cut_audio_windows
from search.types import AudioFormat, Span, Waveform

RATE = 8_000
FORMAT = AudioFormat(RATE, window_s=2.0, hop_s=1.0)
MARGIN = MARGIN_BLOCKS * 0.05


def noise(seconds: float, level: float, seed: int = 0) -> Waveform:
    return (np.random.default_rng(seed).standard_normal(round(seconds * RATE)) * level).astype(
        np.float32
    )


def spans(*parts: Waveform) -> list[Span]:
    found = list(cut_audio_windows(np.array_split(np.concatenate(parts), 7), FORMAT))
    wave = np.concatenate(parts)
    for span, window in found:
        start = round(span.start * RATE)
        assert np.array_equal(window, wave[start : start + len(window)])
        assert (
            span.end - span.start == pytest.approx(len(window) / RATE) and len(window) <= 2 * RATE
        )
    return [span for span, _ in found]


def test_windows_overlap_and_the_last_ends_with_the_sound() -> None:
    assert spans(noise(4.6, 0.1)) == [Span(0, 2), Span(1, 3), Span(2, 4), Span(2.6, 4.6)]


@pytest.mark.parametrize("level", [0.3, 0.003])
def test_silence_is_trimmed_relative_to_the_clip(level: float) -> None:
    (found,) = spans(noise(3, level / 1000), noise(1, level), noise(3, level / 1000))
    assert found.start == pytest.approx(3 - MARGIN, abs=0.06) and found.end == pytest.approx(
        4 + MARGIN, abs=0.06
    )


def test_a_constant_hum_is_not_sound() -> None:
    hum = np.sin(np.arange(10 * RATE) * 2 * np.pi * 50 / RATE).astype(np.float32) * 0.03
    hum[2 * RATE : 3 * RATE] += noise(1, 0.3)
    hum[7 * RATE : 8 * RATE] += noise(1, 0.3, seed=1)
    assert [(round(span.start), round(span.end)) for span in spans(hum)] == [(2, 3), (7, 8)]


def test_a_steady_sound_is_covered_completely() -> None:
    steady = noise(6, 0.02)
    assert spans(steady)[0].start == 0 and spans(steady)[-1].end == 6


def test_ticks_are_one_sound() -> None:
    ticks = noise(5, 1e-5)
    for second in range(5):
        ticks[second * RATE + 4000 : second * RATE + 4200] = noise(0.025, 0.5)
    found = spans(ticks)
    assert (
        found[0].start == pytest.approx(0.5 - MARGIN, abs=0.06)
        and found[0].end - found[0].start == 2.0
    )


@pytest.mark.parametrize("level", [0.0, 1e-5])
def test_silence_gives_no_window(level: float) -> None:
    assert spans(noise(3, level)) == []


def test_a_constant_offset_is_not_sound() -> None:
    assert spans(np.full(RATE, 0.5, np.float32)) == []


def test_memory_does_not_grow_with_the_clip() -> None:
    def peak(minutes: int) -> int:
        def chunks() -> Iterator[Waveform]:
            for second in range(minutes * 60):
                yield noise(1, 0.1, seed=second)

        tracemalloc.start()
        for _ in cut_audio_windows(chunks(), FORMAT):
            pass
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(6) < 1.2 * peak(2)
