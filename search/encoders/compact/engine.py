"""The compact encoder: frozen towers from packages, and an audio tower and heads shipped here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from search.config import EngineSettings
from search.encoders.compact.audio import AudioBranch
from search.encoders.compact.audio_tower import Patches, prepare_audio
from search.encoders.compact.heads import DIM, PictureHead, TextHead, build_heads, load_heads
from search.encoders.compact.int8 import int8_digest
from search.encoders.compact.network import SIDE, picture_weights_path
from search.encoders.compact.picture_tower import prepare_picture
from search.encoders.compact.pooling import FEATURES
from search.encoders.compact.towers import FrozenTowers
from search.encoders.device import Runtime, pick_runtime, require_int8
from search.encoders.presets import Preset, derive_tuned_space
from search.encoders.protocol import Features, Pixels, Regions
from search.encoders.residual_heads import apply_head
from search.encoders.tuned_heads import read_tuned_heads
from search.encoders.weights import check_digest
from search.errors import InvalidWeights
from search.types import Space, TextRole, Vectors, Waveform

HEADS_FILE = Path(__file__).parent / "weights" / "heads.safetensors"


class CompactEncoder:
    """EfficientNet-Lite0, MiniLM and an audio tower, joined by small heads. Thread-safe."""

    def __init__(
        self,
        space: Space,
        towers: FrozenTowers,
        heads: tuple[PictureHead, TextHead],
        audio: AudioBranch,
        *,
        tower_id: str,
    ) -> None:
        self.space = space
        self.towers = towers
        self.audio = audio
        self.tower_id = tower_id
        self.projection_heads = heads
        self.audio_tower_id = audio.audio_tower_id
        self.audio_format = audio.format
        self.audio_batch_size = audio.batch_size
        self.picture_batch_size = towers.runtime.picture_batch_size
        self.max_concurrent_calls = towers.runtime.max_concurrent_calls
        self.decode_size = SIDE

    def prepare_picture(self, picture: Image.Image) -> Pixels:
        """Turn an RGB picture into model input, (3, 224, 224)."""
        return prepare_picture(picture)

    def encode_pictures(self, batch: Sequence[Pixels]) -> Vectors:
        """Encode prepared pictures: (n, 384) unit vectors."""
        return self.project_pictures(self.picture_features(batch))

    def encode_regions(self, batch: Sequence[Pixels]) -> Regions:
        """Encode each grid cell with its neighbours: (n, 7, 7, 384) unit vectors."""
        features = self.towers.region_features(batch).numpy().astype(np.float16)
        return self.project_pictures(features.reshape(-1, FEATURES)).reshape(
            *features.shape[:3], DIM
        )

    def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
        """Encode texts: (n, 384) unit vectors, the same for both roles."""
        return self.project_texts(self.text_features(texts, role))

    def picture_features(self, batch: Sequence[Pixels]) -> Features:
        """Compute features of prepared pictures: (n, FEATURES) float16."""
        return self.towers.picture_features(batch).numpy().astype(np.float16)

    def text_features(self, texts: Sequence[str], role: TextRole) -> Features:
        """Encode texts into MiniLM's own vectors, (n, 384) float16, the same for both roles."""
        return self.towers.text_features(texts).numpy().astype(np.float16)

    def project_pictures(self, features: Features) -> Vectors:
        """Project features (n, FEATURES): unit vectors (n, 384)."""
        return apply_head(self.projection_heads[0], features)

    def project_texts(self, features: Features) -> Vectors:
        """Project features (n, 384): unit vectors (n, 384)."""
        return apply_head(self.projection_heads[1], features)

    def prepare_audio(self, window: Waveform) -> Patches:
        """Turn a window into the spectrograms of its patches, (1 or 2, 96, 64)."""
        return prepare_audio(window)

    def encode_audio(self, batch: Sequence[Patches]) -> Vectors:
        """Encode prepared windows: (n, 384) unit vectors."""
        return self.project_audio(self.audio_features(batch))

    def audio_features(self, batch: Sequence[Patches]) -> Features:
        """Compute features of prepared windows: (n, 1024) float16."""
        return self.audio.features(batch)

    def project_audio(self, features: Features) -> Vectors:
        """Project features (n, 1024): unit vectors (n, 384)."""
        return self.audio.project(features)

    def with_heads(self, path: Path) -> CompactEncoder:
        """Return the same towers with tuned heads; audio vectors do not change.

        Raises WeightsMissing and InvalidWeights.
        """
        picture, text = read_tuned_heads(path, tower_id=self.tower_id, dim=DIM)
        heads = _check_width(build_heads(picture, text, path.name))
        space = derive_tuned_space(self.space, path.stem)
        return CompactEncoder(space, self.towers, heads, self.audio, tower_id=self.tower_id)


def load(preset: Preset, settings: EngineSettings, heads_path: Path = HEADS_FILE) -> CompactEncoder:
    """Return the encoder of a compact preset.

    Raises WeightsMissing or InvalidWeights when a file is not as the preset says, ConfigError
    when the device or the precision is not available.
    """
    check_digest(heads_path, preset.checksums["heads"])
    # The heads read the network's classifier from the package.
    check_digest(picture_weights_path(), preset.checksums["pictures"])
    runtime = _pick_runtime(settings)
    towers = _create_towers(preset, settings, runtime)
    heads = _check_width(load_heads(heads_path))
    if preset.dim != DIM:
        raise InvalidWeights(f"the preset should be of dimension {DIM}", value=preset.dim)
    precision = int8_digest(settings)
    return CompactEncoder(
        preset.make_space(precision),
        towers,
        heads,
        AudioBranch(preset, runtime),
        tower_id=preset.tower_id(f"{FEATURES}{precision}"),
    )


def _create_towers(preset: Preset, settings: EngineSettings, runtime: Runtime) -> FrozenTowers:
    quantised = settings.precision == "int8"
    if quantised:
        require_int8(runtime.device)
    return FrozenTowers(preset.checksums, runtime, quantised=quantised)


def _pick_runtime(settings: EngineSettings) -> Runtime:
    """Return the runtime of the other towers: INT8 is only for pictures, the slow part."""
    if settings.precision == "int8":
        settings = settings.model_copy(update={"precision": "auto"})
    return pick_runtime(settings)


def _check_width(heads: tuple[PictureHead, TextHead]) -> tuple[PictureHead, TextHead]:
    if heads[0].features != FEATURES:
        raise InvalidWeights(
            f"picture heads should take {FEATURES} features", value=heads[0].features
        )
    return heads
