"""How the compact encoder hears: its sound tower and the head over it, each loaded at its first
use.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from search.encoders.compact.sound_head import SoundHead, load_sound_head
from search.encoders.compact.sound_network import FEATURES
from search.encoders.compact.sound_tower import AT_ONCE, FORMAT, Patches, SoundTower
from search.encoders.device import Runtime
from search.encoders.lazy import Lazy
from search.encoders.presets import EARS, SOUND_HEAD, Preset
from search.encoders.protocol import Features
from search.encoders.residual_heads import project
from search.encoders.weights import check_digest
from search.types import Vectors

WEIGHTS = Path(__file__).parent / "weights"
TOWER = WEIGHTS / "sound_tower.safetensors"
HEAD = WEIGHTS / "sound_head.safetensors"


class AudioBranch:
    """Prepared windows → features → unit vectors. Safe to call from several threads."""

    def __init__(self, preset: Preset, runtime: Runtime) -> None:
        self.audio_tower_id = preset.audio_tower_id(f"{FORMAT}{FEATURES}")
        self.format = FORMAT
        self.batch_size = 256 if runtime.device.type == "cuda" else AT_ONCE

        def load_tower() -> SoundTower:
            check_digest(TOWER, preset.checksums[EARS])
            return SoundTower(TOWER, runtime)

        def load_head() -> SoundHead:
            check_digest(HEAD, preset.checksums[SOUND_HEAD])
            return load_sound_head(HEAD)

        self.tower = Lazy(load_tower, threading.RLock())
        self.head = Lazy(load_head, threading.RLock())
        self._turns = runtime.turns()

    def features(self, batch: Sequence[Patches]) -> Features:
        """Prepared windows → (n, FEATURES) float16. Raises WeightsMissing and InvalidWeights at
        the first call.
        """
        if not batch:
            return np.empty((0, FEATURES), np.float16)
        with self._turns, torch.inference_mode():
            return self.tower.get().features(batch).numpy().astype(np.float16)

    def project(self, features: Features) -> Vectors:
        """(n, FEATURES) → unit vectors (n, 384). Raises as `features` does."""
        return project(self.head.get(), features)
