"""The frozen picture tower: pixels → network → one row of features.

The network runs in torch if it has a GPU or bfloat16, else in ONNX Runtime. For the figures
behind this choice see docs/adr/0005-serving-the-compact-encoder.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from search.encoders.compact.network import MEAN, SCALE, SIDE, Maps, load_network
from search.encoders.compact.pooling import MAPS, pool_features, pool_region_features
from search.encoders.device import Runtime
from search.encoders.protocol import Pixels


class Backend(Protocol):
    """Runs the network: prepared pictures (n, 3, 224, 224) on its device → float32 maps."""

    @property
    def device(self) -> torch.device:
        """Device of the pictures and of the maps."""

    @property
    def batch_size(self) -> int:
        """Pictures per call: more would exceed the caches, or what the allocator keeps."""

    def __call__(self, pixels: Tensor) -> Maps:
        """Run under torch's inference mode."""


class TorchBackend:
    """Runs the network in torch, in the runtime's precision; channels last is fastest."""

    def __init__(self, maps: Sequence[str], runtime: Runtime) -> None:
        self.device = runtime.device
        self.batch_size = runtime.picture_batch_size if runtime.device.type == "cuda" else 8
        self._dtype = runtime.dtype
        self._network = runtime.place(load_network(maps))

    def __call__(self, pixels: Tensor) -> Maps:
        maps = self._network(pixels.to(self._dtype, memory_format=torch.channels_last))
        return {name: values.float() for name, values in maps.items()}


class PictureTower:
    """Prepared pictures (n, 3, 224, 224) → features (n, FEATURES), float32 on the CPU."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @torch.inference_mode()
    def features(self, batch: Tensor) -> Tensor:
        """Encode at least one picture, in calls of the backend's batch size."""
        return self._encode(batch, pool_features)

    @torch.inference_mode()
    def region_features(self, batch: Tensor) -> Tensor:
        """Encode every grid cell with its neighbours: (n, GRID, GRID, FEATURES)."""
        return self._encode(batch, pool_region_features)

    def _encode(self, batch: Tensor, pool: Callable[[Maps, Tensor], Tensor]) -> Tensor:
        features = []
        for part in torch.split(batch, self._backend.batch_size):
            pixels = part.to(self._backend.device)
            features.append(pool(self._backend(pixels), pixels).cpu())
        return torch.cat(features)


def prepare_picture(picture: Image.Image) -> Pixels:
    """Squash an RGB picture to a square and normalise it, (3, 224, 224); nothing is cropped."""
    resized = picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    pixels = np.asarray(resized, dtype=np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray((pixels - MEAN) / SCALE)


def load_picture_tower(runtime: Runtime, *, quantised: bool = False) -> PictureTower:
    """Return the tower on a device. Raises InvalidWeights when INT8's ranges cannot be used."""
    return PictureTower(pick_backend(MAPS, runtime, quantised=quantised))


def pick_backend(maps: Sequence[str], runtime: Runtime, *, quantised: bool) -> Backend:
    """Return the fastest backend of a device and precision; INT8 if `quantised`."""
    if not quantised and (runtime.device.type != "cpu" or runtime.dtype != torch.float32):
        return TorchBackend(maps, runtime)
    # Imported here: a process that runs torch does not load ONNX Runtime.
    from search.encoders.compact.onnx_backend import OnnxBackend

    return OnnxBackend(maps, quantised=quantised)
