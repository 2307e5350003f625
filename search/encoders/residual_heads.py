"""Any encoder made tunable: small heads that start at the identity, over the encoder's own
vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from search.encoders.compact.heads import TextHead
from search.encoders.presets import tuned_space
from search.encoders.protocol import (
    AudioEncoder,
    Encoder,
    Features,
    Prepared,
    TunableEncoder,
    Waveform,
)
from search.encoders.tuned_heads import Heads, read_heads
from search.encoders.weights import fill
from search.errors import InvalidWeights
from search.types import Modality, TextRole, Vectors

HIDDEN = 512


class ResidualEncoder:
    """An encoder whose own vectors are the features, projected by residual heads."""

    def __init__(
        self, encoder: Encoder, heads: Heads | None = None, heads_digest: str = ""
    ) -> None:
        self.space = tuned_space(encoder.space, heads_digest)
        self.tower_id = encoder.space.fingerprint
        self.projection_heads = heads or (
            _identity(encoder.space.dim),
            _identity(encoder.space.dim),
        )
        self.picture_batch_size = encoder.picture_batch_size
        self.max_concurrent_calls = encoder.max_concurrent_calls
        self.decode_size = encoder.decode_size
        self._encoder = encoder

    def prepare_picture(self, picture: Image.Image) -> Prepared:
        """RGB picture → model input."""
        return self._encoder.prepare_picture(picture)

    def encode_pictures(self, batch: Sequence[Prepared]) -> Vectors:
        """Model inputs → (n, dim). Raises what the encoder raises."""
        return self.project_pictures(self.picture_features(batch))

    def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
        """Texts → (n, dim). Raises what the encoder raises."""
        return self.project_texts(self.text_features(texts, role))

    def picture_features(self, batch: Sequence[Prepared]) -> Features:
        """Model inputs → the encoder's own vectors, (n, dim) float16."""
        return self._encoder.encode_pictures(batch).astype(np.float16)

    def text_features(self, texts: Sequence[str], role: TextRole) -> Features:
        """Texts → the encoder's own vectors, (n, dim) float16."""
        return self._encoder.encode_texts(texts, role).astype(np.float16)

    def project_pictures(self, features: Features) -> Vectors:
        """(n, dim) → unit vectors (n, dim)."""
        return project(self.projection_heads[0], features)

    def project_texts(self, features: Features) -> Vectors:
        """(n, dim) → unit vectors (n, dim)."""
        return project(self.projection_heads[1], features)

    def with_heads(self, path: Path) -> Self:
        """The same model under tuned heads. Raises WeightsMissing and InvalidWeights."""
        parts = read_heads(path, tower_id=self.tower_id, dim=self.space.dim)
        return type(self)(
            self._encoder, (_filled(parts[0], path), _filled(parts[1], path)), path.stem
        )


class AudioResidualEncoder(ResidualEncoder):
    """The same over an encoder that hears: sounds are left as they are, whatever the heads."""

    def __init__(
        self, encoder: AudioEncoder, heads: Heads | None = None, heads_digest: str = ""
    ) -> None:
        super().__init__(encoder, heads, heads_digest)
        self.audio_tower_id = encoder.audio_tower_id
        self.audio_format = encoder.audio_format
        self.audio_batch_size = encoder.audio_batch_size
        self._ears = encoder

    def prepare_audio(self, window: Waveform) -> Prepared:
        """One window → model input."""
        return self._ears.prepare_audio(window)

    def encode_audio(self, batch: Sequence[Prepared]) -> Vectors:
        """Model inputs → (n, dim). Raises what the encoder raises."""
        return self._ears.encode_audio(batch)

    def audio_features(self, batch: Sequence[Prepared]) -> Features:
        """Model inputs → the encoder's own features."""
        return self._ears.audio_features(batch)

    def project_audio(self, features: Features) -> Vectors:
        """The encoder's own features → (n, dim)."""
        return self._ears.project_audio(features)


@torch.inference_mode()
def project(head: nn.Module, features: Features) -> Vectors:
    """Features (n, width) → unit vectors (n, dim) float32 through a head on the CPU."""
    vectors: Vectors = head(torch.from_numpy(features).float()).numpy()
    return vectors


def as_tunable(encoder: Encoder) -> TunableEncoder:
    """The encoder itself where it knows its heads, else the encoder under residual heads that
    change nothing yet.
    """
    if isinstance(encoder, TunableEncoder):
        return encoder
    if Modality.AUDIO in encoder.space.modalities:
        return AudioResidualEncoder(cast("AudioEncoder", encoder))
    return ResidualEncoder(encoder)


def _identity(dim: int) -> TextHead:
    # The same in every process: a training that was killed goes on only from the heads that it
    # started from.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return TextHead(HIDDEN, dim).eval().requires_grad_(False)


def _filled(weights: Mapping[str, Tensor], path: Path) -> TextHead:
    try:
        hidden, dim = weights["inner.weight"].shape
    except (KeyError, ValueError) as error:
        raise InvalidWeights(
            f"{path.name} holds no residual heads: {error}", fix="Tune this preset anew."
        ) from error
    head = TextHead(hidden, dim)
    fill(head, weights, path.name)
    return head.eval().requires_grad_(False)
