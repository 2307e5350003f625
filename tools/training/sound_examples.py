"""Labelled sounds to learn from, and what the frozen tower hears of them and of changed copies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor

from search.config import engine_settings
from search.encoders.protocol import AudioEncoder, Waveform
from search.media.audio_windows import sound_windows
from search.media.clip_limits import ClipLimits
from search.media.sound import open_sound

FOLDS = (1, 2, 3)
"""Fold 4 judges the result, and fold 5 is kept apart altogether."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A labelled sound. Clips of one `source` were cut from one recording."""

    wave: Waveform
    label: str
    fold: int
    source: str


@dataclass(frozen=True, slots=True)
class Heard:
    """Windows of clips: features (n, width), which clip each is of (n,), and whether of the
    unchanged clip (n,).
    """

    features: Tensor
    clips: Tensor
    original: Tensor

    def of(self, clips: Sequence[int], *, original: bool = False) -> Tensor:
        """Rows of these clips' windows."""
        chosen = torch.isin(self.clips, torch.tensor(clips))
        return torch.nonzero(chosen & self.original if original else chosen)[:, 0]


def read_clips(folder: Path, rate: int) -> list[Clip]:
    """The clips of ESC-10 that may be learned from. Raises MediaError for one that cannot be
    read.
    """
    limits = ClipLimits.from_settings(engine_settings())
    rows = [json.loads(line) for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
    return [
        Clip(
            np.concatenate(list(open_sound(folder / row["path"], limits, rate))),
            row["label"],
            row["fold"],
            source,
        )
        for row in track(
            [row for row in rows if row["fold"] in FOLDS], "reading", console=Console(stderr=True)
        )
        if (source := str(row["source_clip"]))
    ]


def hear(clips: Sequence[Clip], encoder: AudioEncoder, copies: int, seed: int) -> Heard:
    """Features of every clip and of `copies` changed copies of it."""
    rng = np.random.default_rng(seed)
    features, owners, original = [], [], []
    for copy in track(range(copies + 1), "hearing", console=Console(stderr=True)):
        waves = [
            changed(clips, number, rng) if copy else clip.wave for number, clip in enumerate(clips)
        ]
        windows = _windows(waves, encoder)
        while batch := list(islice(windows, encoder.audio_batch_size)):
            features.append(
                torch.from_numpy(
                    encoder.audio_features([prepared for _, prepared in batch])
                ).float()
            )
            owners += [number for number, _ in batch]
            original += [copy == 0] * len(batch)
    return Heard(torch.cat(features), torch.tensor(owners), torch.tensor(original))


def _windows(waves: Sequence[Waveform], encoder: AudioEncoder) -> Iterator[tuple[int, object]]:
    for number, wave in enumerate(waves):
        for _, window in sound_windows([wave], encoder.audio_format):
            yield number, encoder.prepare_audio(window)


def changed(clips: Sequence[Clip], number: int, rng: np.random.Generator) -> Waveform:
    """A copy of a clip: faster or slower (and so higher or lower) by up to a fifth, begun
    elsewhere, louder or quieter, and for two of three with noise or another clip in the
    background.
    """
    factor = 2 ** rng.uniform(-0.25, 0.25)
    wave = clips[number].wave
    wave = np.interp(np.arange(int(len(wave) / factor)) * factor, np.arange(len(wave)), wave)
    wave = np.roll(wave, rng.integers(len(wave)))
    background = rng.integers(3)
    if background == 1:
        wave = wave + rng.standard_normal(len(wave)) * wave.std() * ratio_between(rng, -30, -6)
    elif background == 2:
        other = np.resize(clips[int(rng.integers(len(clips)))].wave, len(wave))
        wave = wave + other / max(other.std(), 1e-6) * wave.std() * ratio_between(rng, -25, -8)
    heard: Waveform = np.clip(wave * ratio_between(rng, -20, 6), -1, 1).astype(np.float32)
    return heard


def ratio_between(rng: np.random.Generator, low: float, high: float) -> float:
    """A random factor between two levels in dB."""
    return float(10 ** (rng.uniform(low, high) / 20))
