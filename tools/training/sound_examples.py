"""Labelled clips of ESC-10, and features of the frozen tower on them and on augmented copies."""

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
from search.encoders.protocol import AudioEncoder
from search.media.audio import open_audio
from search.media.audio_windows import cut_audio_windows
from search.media.limits import ClipLimits
from search.types import Waveform

FOLDS = (1, 2, 3)
"""Folds of the training. Fold 4 evaluates the result; fold 5 is not used at all."""


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """A labelled clip. Clips with the same `source` were cut from one recording."""

    wave: Waveform
    label: str
    fold: int
    source: str


@dataclass(frozen=True, slots=True)
class WindowFeatures:
    """Windows of clips: features (n, width), clip number (n,), and `original` (n,).

    `original` is False for windows of augmented copies.
    """

    features: Tensor
    clips: Tensor
    original: Tensor

    def rows_of(self, clips: Sequence[int], *, original: bool = False) -> Tensor:
        """Return the rows of the windows of these clips."""
        chosen = torch.isin(self.clips, torch.tensor(clips))
        return torch.nonzero(chosen & self.original if original else chosen)[:, 0]


def read_clips(folder: Path, rate: int) -> list[LabelledClip]:
    """Return the clips of ESC-10 that are used for training.

    Raises MediaError for a clip that cannot be read.
    """
    limits = ClipLimits.from_settings(engine_settings())
    rows = [json.loads(line) for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
    used = [row for row in rows if row["fold"] in FOLDS and str(row["source_clip"])]
    clips = []
    for row in track(used, "reading", console=Console(stderr=True)):
        wave = np.concatenate(list(open_audio(folder / row["path"], limits, rate)))
        clips.append(LabelledClip(wave, row["label"], row["fold"], str(row["source_clip"])))
    return clips


def encode_clips(
    clips: Sequence[LabelledClip], encoder: AudioEncoder, copies: int, seed: int
) -> WindowFeatures:
    """Return the features of every clip and of `copies` augmented copies of it."""
    rng = np.random.default_rng(seed)
    features, owners, original = [], [], []
    for copy in track(range(copies + 1), "encoding", console=Console(stderr=True)):
        waves = [
            augment_clip(clips, number, rng) if copy else clip.wave
            for number, clip in enumerate(clips)
        ]
        windows = _prepare_windows(waves, encoder)
        while batch := list(islice(windows, encoder.audio_batch_size)):
            features.append(
                torch.from_numpy(
                    encoder.audio_features([prepared for _, prepared in batch])
                ).float()
            )
            owners += [number for number, _ in batch]
            original += [copy == 0] * len(batch)
    return WindowFeatures(torch.cat(features), torch.tensor(owners), torch.tensor(original))


def _prepare_windows(
    waves: Sequence[Waveform], encoder: AudioEncoder
) -> Iterator[tuple[int, object]]:
    for number, wave in enumerate(waves):
        for _, window in cut_audio_windows([wave], encoder.audio_format):
            yield number, encoder.prepare_audio(window)


def augment_clip(clips: Sequence[LabelledClip], number: int, rng: np.random.Generator) -> Waveform:
    """Return an augmented copy of a clip.

    It is up to a fifth faster or slower (and so higher or lower), starts elsewhere and has another
    level; two of three copies have noise or another clip in the background.
    """
    factor = 2 ** rng.uniform(-0.25, 0.25)
    wave = clips[number].wave
    wave = np.interp(np.arange(int(len(wave) / factor)) * factor, np.arange(len(wave)), wave)
    wave = np.roll(wave, rng.integers(len(wave)))
    background = rng.integers(3)
    if background == 1:
        wave = wave + rng.standard_normal(len(wave)) * wave.std() * random_gain(rng, -30, -6)
    elif background == 2:
        other = np.resize(clips[int(rng.integers(len(clips)))].wave, len(wave))
        wave = wave + other / max(other.std(), 1e-6) * wave.std() * random_gain(rng, -25, -8)
    augmented: Waveform = np.clip(wave * random_gain(rng, -20, 6), -1, 1).astype(np.float32)
    return augmented


def random_gain(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a random gain factor between two levels in dB."""
    return float(10 ** (rng.uniform(low, high) / 20))
