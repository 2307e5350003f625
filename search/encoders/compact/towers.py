"""The frozen picture and text towers of the compact encoder, each loaded at its first use."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from search.encoders.compact.network import picture_weights_path
from search.encoders.compact.picture_tower import PictureTower, load_picture_tower
from search.encoders.compact.pooling import FEATURES, GRID
from search.encoders.compact.text_tower import TextTower, load_text_tower, text_weights_path
from search.encoders.device import Runtime
from search.encoders.lazy import Lazy
from search.encoders.protocol import Pixels
from search.encoders.weights import check_digest


class FrozenTowers:
    """Computes features of pictures and texts, before any head. Thread-safe."""

    def __init__(
        self, checksums: Mapping[str, str], runtime: Runtime, *, quantised: bool = False
    ) -> None:
        """Prepare the towers; `quantised` runs the picture tower, and only it, in INT8."""
        self.runtime = runtime

        def load_pictures() -> PictureTower:
            check_digest(picture_weights_path(), checksums["pictures"])
            return load_picture_tower(runtime, quantised=quantised)

        def load_texts() -> TextTower:
            check_digest(text_weights_path(), checksums["texts"])
            return runtime.place(load_text_tower())

        self.pictures = Lazy(load_pictures, threading.RLock())
        self.texts = Lazy(load_texts, threading.RLock())
        self._slots = runtime.call_slots()

    def picture_features(self, batch: Sequence[Pixels]) -> Tensor:
        """Encode prepared pictures: (n, FEATURES) float32 on the CPU."""
        if not batch:
            return torch.empty(0, FEATURES)
        with self._slots:
            return self.pictures.get().features(torch.from_numpy(np.stack(batch)))

    def region_features(self, batch: Sequence[Pixels]) -> Tensor:
        """Encode each grid cell: (n, GRID, GRID, FEATURES) float32 on the CPU."""
        if not batch:
            return torch.empty(0, GRID, GRID, FEATURES)
        with self._slots:
            return self.pictures.get().region_features(torch.from_numpy(np.stack(batch)))

    def text_features(self, texts: Sequence[str]) -> Tensor:
        """Encode texts into MiniLM's own unit vectors, (n, 384) float32 on the CPU."""
        with self._slots:
            return self.texts.get().features(texts)
