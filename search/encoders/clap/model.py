"""CLAP's towers, read one by one from a checkpoint on local disk by transformers.

Source: Wu et al., Large-scale Contrastive Language-Audio Pretraining (2023). Nothing is
downloaded, pickles are never read, and code of a checkpoint is never run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

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
from search.errors import InvalidWeights
from search.types import AudioFormat, Vectors, Waveform

Mels = npt.NDArray[np.float32]
"""The spectrogram of a window, (1, frames, bands)."""

_TEXT_BATCH_SIZE = 64
_LOADING_ERRORS = (
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OSError,
    SafetensorError,
)


class MelExtractor:
    """Windows → spectrograms as the checkpoint's configuration says. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._extract: Any = _read(ClapFeatureExtractor, folder)
        window_s = float(self._extract.max_length_s)
        self.format = AudioFormat(int(self._extract.sampling_rate), window_s, window_s / 2)

    def __call__(self, window: Waveform) -> Mels:
        """Return the spectrogram; a shorter window is repeated, as in CLAP's training."""
        inputs = self._extract([window], sampling_rate=self.format.rate, return_tensors="np")
        return cast("Mels", inputs["input_features"][0].astype(np.float32))


class AudioTower:
    """Spectrograms → unit vectors of CLAP's own space, (n, width)."""

    def __init__(self, folder: Path, runtime: Runtime) -> None:
        self._runtime = runtime
        self._model: Any = runtime.place(_read_model(ClapAudioModelWithProjection, folder))

    @torch.inference_mode()
    def __call__(self, batch: Sequence[Mels]) -> Vectors:
        return _to_unit(self._model(input_features=self._runtime.stack(batch)).audio_embeds)


class TextTower:
    """Texts → unit vectors of CLAP's own space, (n, width); used to train a connector."""

    def __init__(self, folder: Path, runtime: Runtime) -> None:
        self._runtime = runtime
        self._model: Any = runtime.place(_read_model(ClapTextModelWithProjection, folder))
        self._tokenizer: Any = _read(AutoTokenizer, folder)

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> Vectors:
        vectors = []
        for start in range(0, len(texts), _TEXT_BATCH_SIZE):
            batch = list(texts[start : start + _TEXT_BATCH_SIZE])
            tokens = self._tokenizer(batch, padding=True, truncation=True, return_tensors="pt")
            inputs = {
                name: tokens[name].to(self._runtime.device)
                for name in ("input_ids", "attention_mask")
            }
            vectors.append(_to_unit(self._model(**inputs).text_embeds))
        return np.concatenate(vectors)


def _to_unit(vectors: torch.Tensor) -> Vectors:
    return cast("Vectors", nn.functional.normalize(vectors.float(), dim=-1).cpu().numpy())


def _read_model(kind: Any, folder: Path) -> nn.Module:
    return cast("nn.Module", _read(kind, folder, use_safetensors=True))


def _read(kind: Any, folder: Path, **options: object) -> Any:
    try:
        return kind.from_pretrained(str(folder.resolve()), local_files_only=True, **options)
    except _LOADING_ERRORS as error:
        raise InvalidWeights(
            f"transformers cannot read the CLAP checkpoint: {error}",
            value=str(folder),
            fix="Download the checkpoint again.",
        ) from error
