"""CLAP for audio with a base preset for pictures and texts, joined by a connector."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from search.config import EngineSettings
from search.encoders.checkpoints import require_checkpoint
from search.encoders.clap.connector import FILE, Connector, load_connector
from search.encoders.clap.model import AudioTower, MelExtractor, Mels
from search.encoders.device import Runtime, pick_runtime
from search.encoders.lazy import Lazy
from search.encoders.presets import Preset
from search.encoders.protocol import Encoder, Features, Prepared
from search.encoders.registry import load_engine, resolve_space
from search.errors import InvalidWeights
from search.files import file_sha256, sha256_hex
from search.types import Space, TextRole, Vectors, Waveform


class ClapEncoder:
    """Encodes audio with CLAP and everything else with the base encoder.

    The audio tower is loaded at the first sound.
    """

    def __init__(self, space: Space, base: Encoder, folder: Path, runtime: Runtime) -> None:
        self.space = space
        self.picture_batch_size = base.picture_batch_size
        self.max_concurrent_calls = base.max_concurrent_calls
        self.decode_size = base.decode_size
        self.audio_batch_size = 64 if runtime.device.type == "cuda" else 4
        self.audio_tower_id = _tower_digest(folder)
        self._base = base
        self._slots = runtime.call_slots()
        self._extract = MelExtractor(folder)
        self.audio_format = self._extract.format

        def load_tower() -> AudioTower:
            return AudioTower(folder, runtime)

        def read_connector() -> Connector:
            return load_connector(folder / FILE, space.dim, space.preset)

        self.tower = Lazy(load_tower, threading.RLock())
        self._connector = Lazy(read_connector, threading.RLock())

    def prepare_picture(self, picture: Image.Image) -> Prepared:
        """Turn an RGB picture into model input."""
        return self._base.prepare_picture(picture)

    def encode_pictures(self, batch: Sequence[Prepared]) -> Vectors:
        """Encode model inputs: (n, dim). Raises what the base encoder raises."""
        return self._base.encode_pictures(batch)

    def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
        """Encode texts: (n, dim). Raises what the base encoder raises."""
        return self._base.encode_texts(texts, role)

    def prepare_audio(self, window: Waveform) -> Mels:
        """Turn a window into its spectrogram, (1, frames, bands)."""
        return self._extract(window)

    def encode_audio(self, batch: Sequence[Mels]) -> Vectors:
        """Encode spectrograms: (n, dim) unit vectors.

        Raises WeightsMissing and InvalidWeights at the first call.
        """
        return self.project_audio(self.audio_features(batch))

    def audio_features(self, batch: Sequence[Mels]) -> Features:
        """Encode spectrograms into CLAP's own unit vectors, (n, width) float16."""
        if not batch:
            return np.empty((0, self._connector.get().weight.shape[1]), np.float16)
        with self._slots:
            return self.tower.get()(batch).astype(np.float16)

    def project_audio(self, features: Features) -> Vectors:
        """Map CLAP's vectors (n, width) by the connector: (n, dim) unit vectors."""
        return self._connector.get()(features.astype(np.float32))


def load(preset: Preset, settings: EngineSettings) -> ClapEncoder:
    """Return the encoder of a CLAP preset; towers are read at their first use.

    Raises WeightsMissing with the command that downloads the checkpoint or trains the connector,
    InvalidWeights when connector and base preset do not fit, and what the base engine raises.
    """
    folder = require_checkpoint(preset, settings)
    load_connector(folder / FILE, preset.dim, preset.name)
    base = load_engine(settings.model_copy(update={"preset": preset.base_preset}))
    if base.space.dim != preset.dim:
        raise InvalidWeights(
            f"preset {preset.base_preset} is not of dimension {preset.dim}", value=base.space.dim
        )
    space = resolve_space(settings.model_copy(update={"preset": preset.name}))
    return ClapEncoder(space, base, folder, pick_runtime(settings))


def _tower_digest(folder: Path) -> str:
    """Return a short digest of the checkpoint without its connector."""
    lines = [
        f"{path.name} {file_sha256(path)}"
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name != FILE and path.suffix in (".json", ".safetensors")
    ]
    return sha256_hex("\n".join(lines))[:16]
