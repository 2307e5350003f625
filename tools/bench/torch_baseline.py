"""The bundled encoder in plain torch, without optimisations, as a baseline.

It runs in float32, with separate batch normalisation and the default memory format.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from search.encoders.compact.engine import CompactEncoder
from search.encoders.compact.network import load_unfused_network
from search.encoders.compact.pooling import MAPS, pool_features
from search.encoders.compact.text_tower import load_text_tower
from search.encoders.protocol import Pixels
from search.types import Vectors


class PlainTorchEncoder:
    """The towers and heads of an encoder, on its device."""

    def __init__(self, encoder: CompactEncoder) -> None:
        self._device = encoder.towers.runtime.device
        self._encoder = encoder
        self._network = load_unfused_network(MAPS).to(self._device)
        self._texts = load_text_tower().to(self._device)

    @torch.inference_mode()
    def encode_pictures(self, batch: Sequence[Pixels]) -> Vectors:
        """Encode prepared pictures to unit vectors, (n, dim)."""
        pixels = torch.from_numpy(np.stack(batch)).to(self._device)
        features = pool_features(self._network(pixels), pixels)
        return self._encoder.project_pictures(features.cpu().numpy().astype(np.float16))

    def encode_text(self, text: str) -> Vectors:
        """Encode a text to a unit vector, (1, dim)."""
        return self._encoder.project_texts(self._texts.features([text]).numpy().astype(np.float16))
