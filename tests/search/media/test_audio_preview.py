"""Waveforms and spectrograms."""

from __future__ import annotations

import numpy as np
import pytest

from search.dsp import FloatArray
from search.media.audio_preview import BANDS, COLUMNS, PEAKS, RATE, AudioPreview
from search.types import Waveform


def tone(pitch: float, seconds: float, loud: float = 0.5) -> Waveform:
    return (loud * np.sin(2 * np.pi * pitch * np.arange(round(seconds * RATE)) / RATE)).astype(
        np.float32
    )


def preview_of(wave: Waveform, *, pieces: int = 1, seconds: float | None = None) -> AudioPreview:
    preview = AudioPreview(len(wave) / RATE if seconds is None else seconds)
    for piece in np.array_split(wave, pieces):
        preview.feed(piece)
    return preview


def test_peaks_follow_the_loudness() -> None:
    peaks = list(
        preview_of(
            np.concatenate([tone(440, 1), tone(440, 1, 0.25), np.zeros(RATE, np.float32)])
        ).peaks()
    )
    third = PEAKS // 3
    assert set(peaks[:third]) == {255}
    assert all(120 < peak <= 130 for peak in peaks[third + 1 : 2 * third])
    assert set(peaks[2 * third + 1 :]) == {0}


def brightest_rows(preview: AudioPreview) -> tuple[int, int]:
    """Return the brightest row of the left and of the right half."""
    light = spectrogram(preview)
    assert light.shape == (BANDS, COLUMNS)
    left, right = (int(half.mean(axis=1).argmax()) for half in np.hsplit(light, 2))
    return left, right


def spectrogram(preview: AudioPreview) -> FloatArray:
    """Return the brightness of the spectrogram."""
    picture = preview.spectrogram()
    assert picture is not None
    return np.asarray(picture.convert("L"), np.float64)


@pytest.mark.parametrize("seconds", [0.2, 1.0, 30.0])
def test_high_pitches_are_drawn_above_low_ones(seconds: float) -> None:
    wave = np.concatenate([tone(200, seconds / 2), tone(4000, seconds / 2)])
    left, right = brightest_rows(preview_of(wave))
    assert left > 0.8 * BANDS and right < 0.4 * BANDS


def test_the_size_of_pieces_does_not_matter() -> None:
    wave = np.concatenate([tone(300, 1.3), tone(900, 0.9)])
    whole, parts = preview_of(wave), preview_of(wave, pieces=37)
    assert whole.peaks() == parts.peaks()
    assert np.array_equal(spectrogram(whole), spectrogram(parts))


def test_audio_longer_or_shorter_than_the_play_time_stays_inside() -> None:
    assert preview_of(tone(440, 3), seconds=1).peaks()[-1] == 255
    early = preview_of(tone(440, 1), seconds=4)
    assert set(early.peaks()[PEAKS // 4 + 1 :]) == {0}
    assert spectrogram(early)[:, COLUMNS // 2 :].max() < 30


def test_silent_audio_has_no_preview() -> None:
    for wave in (np.zeros(RATE, np.float32), np.zeros(0, np.float32)):
        assert preview_of(wave).peaks() == b"" and preview_of(wave).spectrogram() is None
