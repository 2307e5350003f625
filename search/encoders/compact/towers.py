"""The two frozen towers of the compact encoder, each loaded at its first use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from search.encoders.base import Pixels
from search.encoders.compact.describe import FEATURES, GRID
from search.encoders.compact.network import picture_weights_path
from search.encoders.compact.picture_tower import load_picture_tower
from search.encoders.compact.text_tower import load_text_tower, text_weights_path
from search.encoders.runtime import Runtime
from search.encoders.weights import check_digest

Tower = TypeVar("Tower")


class LazyTower(Generic[Tower]):
    """A tower loaded at its first use: a process that only encodes texts holds no picture tower."""

    def __init__(self, load: Callable[[], Tower], weights: Path, checksum: str) -> None:
        self._load = load
        self._weights = weights
        self._checksum = checksum
        self._tower: Tower | None = None

    @property
    def loaded(self) -> bool:
        return self._tower is not None

    def get(self) -> Tower:
        """The tower on its device. Raises WeightsMissing or WeightsRefused."""
        if self._tower is None:
            check_digest(self._weights, self._checksum)
            self._tower = self._load()
        return self._tower


class Towers:
    """What the frozen towers see, before any head. Safe to call from several threads."""

    def __init__(self, checksums: Mapping[str, str], runtime: Runtime, *, quantised: bool = False) -> None:
        """`quantised` runs the picture tower in INT8; the text tower stays in the runtime's precision."""
        self.runtime = runtime
        self.pictures = LazyTower(
            lambda: load_picture_tower(runtime, quantised=quantised), picture_weights_path(), checksums["pictures"]
        )
        self.texts = LazyTower(lambda: runtime.place(load_text_tower()), text_weights_path(), checksums["texts"])
        self._picture_lock = threading.Lock()
        self._text_lock = threading.Lock()

    def picture_features(self, batch: Sequence[Pixels]) -> Tensor:
        """Prepared pictures → (n, FEATURES) float32 on the CPU."""
        if not batch:
            return torch.empty(0, FEATURES)
        with self._picture_lock:
            return self.pictures.get().features(torch.from_numpy(np.stack(batch)))

    def region_features(self, batch: Sequence[Pixels]) -> Tensor:
        """Prepared pictures → (n, GRID, GRID, FEATURES) float32 on the CPU: of every cell and its neighbours."""
        if not batch:
            return torch.empty(0, GRID, GRID, FEATURES)
        with self._picture_lock:
            return self.pictures.get().region_features(torch.from_numpy(np.stack(batch)))

    def text_features(self, texts: Sequence[str]) -> Tensor:
        """Texts → MiniLM's own unit vectors, (n, 384) float32 on the CPU."""
        with self._text_lock:
            return self.texts.get().features(texts)
