"""The audio branch of the compact encoder: the frozen tower and the trained head over it.

The head embeds the names of the classes that the tower was trained on, weighted by its own
classifier, so that a sound is found by what it is called even if no training here showed it.
Source: Norouzi et al., Zero-Shot Learning by Convex Combination of Semantic Embeddings (2014),
over all classes. A correction is learned from labelled sounds.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from search.encoders.compact.audio_tower import (
    AUDIO_FORMAT,
    BATCH_SIZE,
    FEATURES,
    FEATURES_ID,
    AudioTower,
    Patches,
)
from search.encoders.compact.heads import DIM
from search.encoders.device import Runtime
from search.encoders.lazy import Lazy
from search.encoders.presets import AUDIO_HEAD, AUDIO_TOWER, Preset
from search.encoders.protocol import Features
from search.encoders.residual_heads import apply_head
from search.encoders.weights import (
    check_digest,
    load_weights,
    pack_weights,
    read_safetensors,
    unpack_weights,
)
from search.errors import InvalidWeights
from search.types import Vectors

WEIGHTS = Path(__file__).parent / "weights"
TOWER_FILE = WEIGHTS / "sound_tower.safetensors"
HEAD_FILE = WEIGHTS / "sound_head.safetensors"


class AudioHead(nn.Module):
    """Audio features (n, 1024) → unit vectors (n, 384). `words` holds the classes' vectors."""

    words: Tensor

    def __init__(self, classes: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.classifier = nn.Linear(FEATURES, classes)
        self.register_buffer("words", torch.zeros(classes, DIM))
        self.inner = nn.Linear(FEATURES, hidden)
        self.outer = nn.Linear(hidden, DIM)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def embed_labels(self, features: Tensor) -> Tensor:
        """Return the weighted vectors of the classes' names, unit vectors (n, 384).

        Weights are square roots of probabilities, because one sound may belong to several classes
        and the most likely one should not dominate.
        """
        weights = self.classifier(features).sigmoid().sqrt()
        return functional.normalize(weights @ self.words, dim=-1)

    def forward(self, features: Tensor) -> Tensor:
        correction = self.outer(self.dropout(functional.gelu(self.inner(self.dropout(features)))))
        return functional.normalize(self.embed_labels(features) + correction, dim=-1)


def save_audio_head(path: Path, head: AudioHead) -> None:
    """Write the head with 8-bit matrices."""
    save_file(pack_weights(head.state_dict()), path)


def load_audio_head(path: Path) -> AudioHead:
    """Read the head in float32. Raises InvalidWeights for any other file."""
    return build_audio_head(unpack_weights(read_safetensors(path)), path.name)


def build_audio_head(weights: Mapping[str, Tensor], source: str) -> AudioHead:
    """Return a frozen head with these weights. Raises InvalidWeights when they do not fit."""
    try:
        head = AudioHead(len(weights["words"]), len(weights["inner.weight"]))
    except KeyError as error:
        raise InvalidWeights(
            f"{source} holds no audio head: {error}", fix="Train anew, or restore the file."
        ) from error
    load_weights(head, weights, source)
    return head.eval().requires_grad_(False)


class AudioBranch:
    """Prepared windows → features → unit vectors; parts load at their first use. Thread-safe."""

    def __init__(self, preset: Preset, runtime: Runtime) -> None:
        self.audio_tower_id = preset.audio_tower_id(FEATURES_ID)
        self.format = AUDIO_FORMAT
        self.batch_size = 256 if runtime.device.type == "cuda" else BATCH_SIZE

        def load_tower() -> AudioTower:
            check_digest(TOWER_FILE, preset.checksums[AUDIO_TOWER])
            return AudioTower(TOWER_FILE, runtime)

        def load_head() -> AudioHead:
            check_digest(HEAD_FILE, preset.checksums[AUDIO_HEAD])
            return load_audio_head(HEAD_FILE)

        self.tower = Lazy(load_tower, threading.RLock())
        self.head = Lazy(load_head, threading.RLock())
        self._slots = runtime.call_slots()

    def features(self, batch: Sequence[Patches]) -> Features:
        """Encode prepared windows: (n, FEATURES) float16.

        Raises WeightsMissing and InvalidWeights at the first call.
        """
        if not batch:
            return np.empty((0, FEATURES), np.float16)
        with self._slots, torch.inference_mode():
            return self.tower.get().features(batch).numpy().astype(np.float16)

    def project(self, features: Features) -> Vectors:
        """Project features (n, FEATURES): unit vectors (n, 384). Raises as `features` does."""
        return apply_head(self.head.get(), features)
