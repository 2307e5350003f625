"""The bundled encoder: two frozen towers from packages and the heads shipped beside this module."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from search.config import EngineSettings
from search.encoders.base import Pixels
from search.encoders.compact.describe import FEATURES
from search.encoders.compact.heads import DIM, PictureHead, TextHead, load_heads
from search.encoders.compact.picture_tower import SIDE, prepare
from search.encoders.compact.towers import Towers
from search.encoders.presets import Preset
from search.encoders.runtime import pick_runtime
from search.encoders.weights import check_digest
from search.errors import WeightsRefused
from search.types import Space, TextRole, Vectors

HEADS = Path(__file__).parent / "weights" / "heads.safetensors"


class CompactEncoder:
    """EfficientNet-Lite0 and MiniLM joined by small heads. Every call is safe from several threads."""

    def __init__(self, space: Space, towers: Towers, picture_head: PictureHead, text_head: TextHead) -> None:
        self.space = space
        self.towers = towers
        self.picture_batch_size = towers.runtime.picture_batch_size
        self.decode_size = SIDE
        self._picture_head = picture_head
        self._text_head = text_head

    def prepare_picture(self, picture: Image.Image) -> Pixels:
        """RGB picture → (3, 224, 224)."""
        return prepare(picture)

    def encode_pictures(self, batch: Sequence[Pixels]) -> Vectors:
        """Prepared pictures → (n, 384) unit vectors."""
        return _apply(self._picture_head, self.towers.picture_features(batch))

    def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
        """Texts → (n, 384) unit vectors, the same for both roles."""
        return _apply(self._text_head, self.towers.text_features(texts))


@torch.inference_mode()
def _apply(head: nn.Module, features: Tensor) -> Vectors:
    vectors: Vectors = head(features).numpy()
    return vectors


def load(preset: Preset, settings: EngineSettings, heads_path: Path = HEADS) -> CompactEncoder:
    """The encoder of a compact preset. Raises WeightsMissing or WeightsRefused when a file is not as the preset says,
    ConfigError when the device is not there."""
    check_digest(heads_path, preset.checksums["heads"])
    picture_head, text_head = load_heads(heads_path)
    made = (picture_head.features, preset.dim)
    if made != (FEATURES, DIM):
        raise WeightsRefused(f"heads and preset should be of sizes {FEATURES} and {DIM}", value=made)
    return CompactEncoder(preset.space(), Towers(preset.checksums, pick_runtime(settings)), picture_head, text_head)
