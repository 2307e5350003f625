"""CLAP beside a preset for pictures and texts: sounds come into that preset's space through a
connector.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from search.config import EngineSettings
from search.encoders.checkpoints import require_checkpoint
from search.encoders.clap.connector import FILE, Connector, load_connector
from search.encoders.clap.model import AudioTower, Extractor, Mels
from search.encoders.device import Runtime, pick_runtime
from search.encoders.lazy import Lazy
from search.encoders.presets import Preset
from search.encoders.protocol import Encoder, Features, Prepared, Waveform
from search.encoders.registry import load_engine, space_of
from search.errors import InvalidWeights
from search.files import file_sha256
from search.types import Space, TextRole, Vectors


class ClapEncoder:
    """Everything but sounds is the other encoder's. The audio tower is loaded at the first
    sound.
    """

    def __init__(self, space: Space, beside: Encoder, folder: Path, runtime: Runtime) -> None:
        self.space = space
        self.picture_batch_size = beside.picture_batch_size
        self.max_concurrent_calls = beside.max_concurrent_calls
        self.decode_size = beside.decode_size
        self.audio_batch_size = 64 if runtime.device.type == "cuda" else 4
        self.audio_tower_id = _ears(folder)
        self._beside = beside
        self._turns = runtime.turns()
        self._extract = Extractor(folder)
        self.audio_format = self._extract.format

        def load_tower() -> AudioTower:
            return AudioTower(folder, runtime)

        def read_connector() -> Connector:
            return load_connector(folder / FILE, space.dim, space.preset)

        self.tower = Lazy(load_tower, threading.RLock())
        self._connector = Lazy(read_connector, threading.RLock())

    def prepare_picture(self, picture: Image.Image) -> Prepared:
        """RGB picture → model input."""
        return self._beside.prepare_picture(picture)

    def encode_pictures(self, batch: Sequence[Prepared]) -> Vectors:
        """Model inputs → (n, dim). Raises what the other encoder raises."""
        return self._beside.encode_pictures(batch)

    def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
        """Texts → (n, dim). Raises what the other encoder raises."""
        return self._beside.encode_texts(texts, role)

    def prepare_audio(self, window: Waveform) -> Mels:
        """A window → its spectrogram, (1, frames, bands)."""
        return self._extract(window)

    def encode_audio(self, batch: Sequence[Mels]) -> Vectors:
        """Spectrograms → (n, dim) unit vectors. Raises WeightsMissing and InvalidWeights at the
        first call.
        """
        return self.project_audio(self.audio_features(batch))

    def audio_features(self, batch: Sequence[Mels]) -> Features:
        """Spectrograms → CLAP's own unit vectors, (n, width) float16."""
        if not batch:
            return np.empty((0, self._connector.get().weight.shape[1]), np.float16)
        with self._turns:
            return self.tower.get()(batch).astype(np.float16)

    def project_audio(self, features: Features) -> Vectors:
        """CLAP's vectors (n, width) → (n, dim) unit vectors, through the connector."""
        return self._connector.get()(features.astype(np.float32))


def load(preset: Preset, settings: EngineSettings) -> ClapEncoder:
    """The encoder of a CLAP preset; towers are read at their first use.

    Raises WeightsMissing with the command that fetches a checkpoint or learns the connector,
    InvalidWeights when the two do not fit, and what the engine of the preset beside raises.
    """
    folder = require_checkpoint(preset, settings)
    load_connector(folder / FILE, preset.dim, preset.name)
    beside = load_engine(settings.model_copy(update={"preset": preset.base_preset}))
    if beside.space.dim != preset.dim:
        raise InvalidWeights(
            f"preset {preset.base_preset} is not of dimension {preset.dim}", value=beside.space.dim
        )
    space = space_of(settings.model_copy(update={"preset": preset.name}))
    return ClapEncoder(space, beside, folder, pick_runtime(settings))


def _ears(folder: Path) -> str:
    """Names the checkpoint without its connector."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and path.name != FILE]
    named = [
        f"{path.name} {file_sha256(path)}"
        for path in files
        if path.suffix in (".json", ".safetensors")
    ]
    return hashlib.sha256("\n".join(named).encode()).hexdigest()[:16]
