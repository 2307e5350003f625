"""Sounds and turntables."""

from __future__ import annotations

import wave
from pathlib import Path

import av
import numpy as np
import pytest

from tools.sample_shop.design import PLAIN, ProductDesign
from tools.sample_shop.model import add_point_cloud
from tools.sample_shop.product_types import PRODUCT_TYPES_BY_KEY
from tools.sample_shop.sounds import RATE, SOUNDS, write_sound
from tools.sample_shop.turntable import write_turntable


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path)) as clip:
        assert (clip.getnchannels(), clip.getsampwidth(), clip.getframerate()) == (1, 2, RATE)
        return np.frombuffer(clip.readframes(clip.getnframes()), dtype="<i2").astype(float)


@pytest.mark.parametrize("kind", SOUNDS)
def test_duration_and_level_of_a_sound(kind: str, tmp_path: Path) -> None:
    write_sound(kind, 1, tmp_path / "a.wav")
    sound = samples(tmp_path / "a.wav")
    assert 2 <= sound.size / RATE <= 4.2
    assert 25_000 < np.abs(sound).max() < 32_000
    assert np.abs(sound[-20:]).max() < 600


@pytest.mark.parametrize("kind", SOUNDS)
def test_the_seed_varies_a_sound(kind: str, tmp_path: Path) -> None:
    for seed in (1, 2):
        write_sound(kind, seed, tmp_path / f"{seed}.wav")
    assert (tmp_path / "1.wav").read_bytes() != (tmp_path / "2.wav").read_bytes()


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [("drum", 50, 200), ("bell", 200, 6000), ("kettle", 1500, 5000), ("duck", 500, 6000)],
)
def test_the_strongest_frequency_fits_the_product_type(kind: str, low: float, high: float) -> None:
    spectrum = np.abs(np.fft.rfft(SOUNDS[kind](np.random.default_rng(3)), n=RATE * 4))
    assert low < spectrum.argmax() / 4 < high


def test_turntable_is_streamable_h264(tmp_path: Path) -> None:
    design = ProductDesign("duck", "yellow", "white", "rubber", PLAIN, 0, 0, 1)
    path = tmp_path / "a.mp4"
    write_turntable(
        add_point_cloud(PRODUCT_TYPES_BY_KEY["duck"].build(design)),
        "#dfe6e8",
        path,
        size=48,
        frames=4,
    )
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [
            frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(stream)
        ]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
    assert len(frames) == 4
    assert np.abs(frames[0] - frames[2]).mean() > 3
