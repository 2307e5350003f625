"""The bundled encoder: two frozen towers from packages, and the sound tower and heads shipped
beside this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from search.config import EngineSettings
from search.encoders.compact import sound_tower
from search.encoders.compact.audio import AudioBranch
from search.encoders.compact.heads import DIM, PictureHead, TextHead, fill_heads, load_heads
from search.encoders.compact.int8_space import int8_digest
from search.encoders.compact.network import SIDE, picture_weights_path
from search.encoders.compact.picture_tower import prepare
from search.encoders.compact.pooling import FEATURES
from search.encoders.compact.towers import Towers
from search.encoders.device import Runtime, pick_runtime
from search.encoders.precision import require_int8
from search.encoders.presets import Preset, tuned_space
from search.encoders.protocol import Features, Pixels, Regions, Waveform
from search.encoders.residual_heads import project
from search.encoders.tuned_heads import read_heads
from search.encoders.weights import check_digest
from search.errors import InvalidWeights
from search.types import Space, TextRole, Vectors

HEADS = Path(__file__).parent / "weights" / "heads.safetensors"


class CompactEncoder:
    """EfficientNet-Lite0, MiniLM and a sound tower, joined by small heads. Every call is safe
    from several threads.
    """

    def __init__(
        self,
        space: Space,
        towers: Towers,
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
        """RGB picture → (3, 224, 224)."""
        return prepare(picture)

    def encode_pictures(self, batch: Sequence[Pixels]) -> Vectors:
        """Prepared pictures → (n, 384) unit vectors."""
        return self.project_pictures(self.picture_features(batch))

    def encode_regions(self, batch: Sequence[Pixels]) -> Regions:
        """Prepared pictures → (n, 7, 7, 384) unit vectors: of every cell of a grid together with
        its neighbours.
        """
        features = self.towers.region_features(batch).numpy().astype(np.float16)
        return self.project_pictures(features.reshape(-1, FEATURES)).reshape(
            *features.shape[:3], DIM
        )

    def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
        """Texts → (n, 384) unit vectors, the same for both roles."""
        return self.project_texts(self.text_features(texts, role))

    def picture_features(self, batch: Sequence[Pixels]) -> Features:
        """Prepared pictures → (n, FEATURES) float16."""
        return self.towers.picture_features(batch).numpy().astype(np.float16)

    def text_features(self, texts: Sequence[str], role: TextRole) -> Features:
        """Texts → MiniLM's own vectors, (n, 384) float16, the same for both roles."""
        return self.towers.text_features(texts).numpy().astype(np.float16)

    def project_pictures(self, features: Features) -> Vectors:
        """(n, FEATURES) → unit vectors (n, 384)."""
        return project(self.projection_heads[0], features)

    def project_texts(self, features: Features) -> Vectors:
        """(n, 384) → unit vectors (n, 384)."""
        return project(self.projection_heads[1], features)

    def prepare_audio(self, window: Waveform) -> sound_tower.Patches:
        """A window → the spectrograms of its patches, (1 or 2, 96, 64)."""
        return sound_tower.prepare(window)

    def encode_audio(self, batch: Sequence[sound_tower.Patches]) -> Vectors:
        """Prepared windows → (n, 384) unit vectors."""
        return self.project_audio(self.audio_features(batch))

    def audio_features(self, batch: Sequence[sound_tower.Patches]) -> Features:
        """Prepared windows → (n, 1024) float16."""
        return self.audio.features(batch)

    def project_audio(self, features: Features) -> Vectors:
        """(n, 1024) → unit vectors (n, 384)."""
        return self.audio.project(features)

    def with_heads(self, path: Path) -> CompactEncoder:
        """The same towers under tuned heads; sounds stay where they are. Raises WeightsMissing
        and InvalidWeights.
        """
        picture, text = read_heads(path, tower_id=self.tower_id, dim=DIM)
        heads = _checked(fill_heads(picture, text, path.name))
        space = tuned_space(self.space, path.stem)
        return CompactEncoder(space, self.towers, heads, self.audio, tower_id=self.tower_id)


def load(preset: Preset, settings: EngineSettings, heads_path: Path = HEADS) -> CompactEncoder:
    """The encoder of a compact preset. Raises WeightsMissing or InvalidWeights when a file is
    not as the preset says, ConfigError when the device is not there or has no such precision.
    """
    check_digest(heads_path, preset.checksums["heads"])
    # The heads read the network's classifier from the package.
    check_digest(picture_weights_path(), preset.checksums["pictures"])
    runtime = _runtime(settings)
    towers = _towers(preset, settings, runtime)
    heads = _checked(load_heads(heads_path))
    if preset.dim != DIM:
        raise InvalidWeights(f"the preset should be of dimension {DIM}", value=preset.dim)
    numbers = int8_digest(settings)
    audio = AudioBranch(preset, runtime)
    return CompactEncoder(
        preset.space(numbers),
        towers,
        heads,
        audio,
        tower_id=preset.tower_id(f"{FEATURES}{numbers}"),
    )


def _towers(preset: Preset, settings: EngineSettings, runtime: Runtime) -> Towers:
    quantised = settings.precision == "int8"
    if quantised:
        require_int8(runtime.device)
    return Towers(preset.checksums, runtime, quantised=quantised)


def _runtime(settings: EngineSettings) -> Runtime:
    """INT8 is for pictures alone: one text or window of sound takes milliseconds already."""
    plain = (
        settings.model_copy(update={"precision": "auto"})
        if settings.precision == "int8"
        else settings
    )
    return pick_runtime(plain)


def _checked(heads: tuple[PictureHead, TextHead]) -> tuple[PictureHead, TextHead]:
    if heads[0].features != FEATURES:
        raise InvalidWeights(
            f"picture heads should take {FEATURES} features", value=heads[0].features
        )
    return heads
