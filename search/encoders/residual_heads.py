"""Residual heads: make any encoder tunable.

Small heads over the encoder's own vectors start at the identity, so they change nothing until
they are trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from search.encoders.compact.heads import TextHead
from search.encoders.presets import derive_tuned_space
from search.encoders.protocol import (
    AudioEncoder,
    Encoder,
    Features,
    Prepared,
    TunableEncoder,
    supports_audio,
)
from search.encoders.tuned_heads import Heads, read_tuned_heads
from search.encoders.weights import load_weights
from search.errors import InvalidWeights
from search.types import TextRole, Vectors, Waveform

HIDDEN = 512


class ResidualEncoder:
    """An encoder whose own vectors are features, projected by residual heads."""

    def __init__(
        self, encoder: Encoder, heads: Heads | None = None, heads_digest: str = ""
    ) -> None:
        self.space = derive_tuned_space(encoder.space, heads_digest)
        self.tower_id = encoder.space.fingerprint
        self.projection_heads = heads or (
            _identity_head(encoder.space.dim),
            _identity_head(encoder.space.dim),
        )
        self.picture_batch_size = encoder.picture_batch_size
        self.max_concurrent_calls = encoder.max_concurrent_calls
        self.decode_size = encoder.decode_size
        self._encoder = encoder

    def prepare_picture(self, picture: Image.Image) -> Prepared:
        """Turn an RGB picture into model input."""
        return self._encoder.prepare_picture(picture)

    def encode_pictures(self, batch: Sequence[Prepared]) -> Vectors:
        """Encode model inputs: (n, dim). Raises what the encoder raises."""
        return self.project_pictures(self.picture_features(batch))

    def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
        """Encode texts: (n, dim). Raises what the encoder raises."""
        return self.project_texts(self.text_features(texts, role))

    def picture_features(self, batch: Sequence[Prepared]) -> Features:
        """Encode inputs into the encoder's own vectors, (n, dim) float16."""
        return self._encoder.encode_pictures(batch).astype(np.float16)

    def text_features(self, texts: Sequence[str], role: TextRole) -> Features:
        """Encode texts into the encoder's own vectors, (n, dim) float16."""
        return self._encoder.encode_texts(texts, role).astype(np.float16)

    def project_pictures(self, features: Features) -> Vectors:
        """Project features (n, dim): unit vectors (n, dim)."""
        return apply_head(self.projection_heads[0], features)

    def project_texts(self, features: Features) -> Vectors:
        """Project features (n, dim): unit vectors (n, dim)."""
        return apply_head(self.projection_heads[1], features)

    def with_heads(self, path: Path) -> Self:
        """Return the same model with tuned heads. Raises WeightsMissing and InvalidWeights."""
        picture, text = read_tuned_heads(path, tower_id=self.tower_id, dim=self.space.dim)
        heads = _build_head(picture, path), _build_head(text, path)
        return type(self)(self._encoder, heads, path.stem)


class AudioResidualEncoder(ResidualEncoder):
    """The same over an encoder with an audio tower; heads do not change audio vectors."""

    def __init__(
        self, encoder: AudioEncoder, heads: Heads | None = None, heads_digest: str = ""
    ) -> None:
        super().__init__(encoder, heads, heads_digest)
        self.audio_tower_id = encoder.audio_tower_id
        self.audio_format = encoder.audio_format
        self.audio_batch_size = encoder.audio_batch_size
        self._audio_encoder = encoder

    def prepare_audio(self, window: Waveform) -> Prepared:
        """Turn a window into model input."""
        return self._audio_encoder.prepare_audio(window)

    def encode_audio(self, batch: Sequence[Prepared]) -> Vectors:
        """Encode model inputs: (n, dim). Raises what the encoder raises."""
        return self._audio_encoder.encode_audio(batch)

    def audio_features(self, batch: Sequence[Prepared]) -> Features:
        """Compute the encoder's own features."""
        return self._audio_encoder.audio_features(batch)

    def project_audio(self, features: Features) -> Vectors:
        """Project the encoder's own features: (n, dim)."""
        return self._audio_encoder.project_audio(features)


@torch.inference_mode()
def apply_head(head: nn.Module, features: Features) -> Vectors:
    """Project features (n, width) to float32 unit vectors (n, dim) by a head on the CPU."""
    vectors: Vectors = head(torch.from_numpy(features).float()).numpy()
    return vectors


def as_tunable(encoder: Encoder) -> TunableEncoder:
    """Return the encoder itself if it has heads, else the encoder under residual heads."""
    if isinstance(encoder, TunableEncoder):
        return encoder
    if supports_audio(encoder):
        return AudioResidualEncoder(encoder)
    return ResidualEncoder(encoder)


def _identity_head(dim: int) -> TextHead:
    # The same in every process: a killed training resumes only from equal start heads.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return TextHead(HIDDEN, dim).eval().requires_grad_(False)


def _build_head(weights: Mapping[str, Tensor], path: Path) -> TextHead:
    try:
        hidden, dim = weights["inner.weight"].shape
    except (KeyError, ValueError) as error:
        raise InvalidWeights(
            f"{path.name} holds no residual heads: {error}", fix="Tune this preset anew."
        ) from error
    head = TextHead(hidden, dim)
    load_weights(head, weights, path.name)
    return head.eval().requires_grad_(False)
