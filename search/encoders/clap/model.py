"""CLAP read from a checkpoint on local disk by transformers, each tower by itself.

Source: Wu et al., Large-scale Contrastive Language-Audio Pretraining (2023). Nothing is
downloaded, pickles are never read, and code of a checkpoint is never run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoTokenizer,
    ClapAudioModelWithProjection,
    ClapFeatureExtractor,
    ClapTextModelWithProjection,
)

from search.encoders.device import Runtime
from search.encoders.protocol import AudioFormat, Waveform
from search.errors import InvalidWeights
from search.types import Vectors

Mels = npt.NDArray[np.float32]
"""A window's spectrogram, (1, frames, bands)."""

Part = TypeVar("Part")

_TEXTS_AT_ONCE = 64
_UNREADABLE = (
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OSError,
    SafetensorError,
)


class Extractor:
    """Windows → spectrograms, as the checkpoint's configuration says. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._extract: Any = _read(ClapFeatureExtractor, folder)
        window_s = float(self._extract.max_length_s)
        self.format = AudioFormat(int(self._extract.sampling_rate), window_s, window_s / 2)

    def __call__(self, window: Waveform) -> Mels:
        """A shorter window is repeated, as in CLAP's training."""
        found = self._extract([window], sampling_rate=self.format.rate, return_tensors="np")
        return cast("Mels", found["input_features"][0].astype(np.float32))


class AudioTower:
    """Spectrograms → unit vectors of CLAP's own space, (n, width)."""

    def __init__(self, folder: Path, runtime: Runtime) -> None:
        self._runtime = runtime
        self._model: Any = runtime.place(_weights(ClapAudioModelWithProjection, folder))

    @torch.inference_mode()
    def __call__(self, batch: Sequence[Mels]) -> Vectors:
        found = self._model(input_features=self._runtime.stack(batch)).audio_embeds
        return cast("Vectors", nn.functional.normalize(found.float(), dim=-1).cpu().numpy())


class TextTower:
    """Texts → unit vectors of CLAP's own space, (n, width): what a connector is learned from."""

    def __init__(self, folder: Path, runtime: Runtime) -> None:
        self._runtime = runtime
        self._model: Any = runtime.place(_weights(ClapTextModelWithProjection, folder))
        self._tokenizer: Any = _read(AutoTokenizer, folder)

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> Vectors:
        found = []
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            batch = list(texts[start : start + _TEXTS_AT_ONCE])
            tokens = self._tokenizer(batch, padding=True, truncation=True, return_tensors="pt")
            sent = {
                name: tokens[name].to(self._runtime.device)
                for name in ("input_ids", "attention_mask")
            }
            found.append(
                nn.functional.normalize(self._model(**sent).text_embeds.float(), dim=-1)
                .cpu()
                .numpy()
            )
        return cast("Vectors", np.concatenate(found))


def _weights(kind: Any, folder: Path) -> nn.Module:
    return cast("nn.Module", _read(kind, folder, use_safetensors=True))


def _read(kind: Any, folder: Path, **chosen: object) -> Any:
    try:
        return kind.from_pretrained(str(folder.resolve()), local_files_only=True, **chosen)
    except _UNREADABLE as error:
        raise InvalidWeights(
            f"transformers cannot read the CLAP checkpoint: {error}",
            value=str(folder),
            fix="Fetch the checkpoint again.",
        ) from error
