"""The frozen picture tower: pixels, through the network, to one row of features."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from search.encoders.compact.backends import Backend, Maps, pick_backend
from search.encoders.compact.network import MEAN, SCALE, SIDE
from search.encoders.compact.pooling import MAPS, describe, describe_regions
from search.encoders.device import Runtime
from search.encoders.protocol import Pixels


def prepare(picture: Image.Image) -> Pixels:
    """RGB picture → (3, 224, 224) float32. The whole picture is kept: its sides are squashed to
    a square.
    """
    resized = picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    pixels = np.asarray(resized, dtype=np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray((pixels - MEAN) / SCALE)


class PictureTower:
    """Prepared pictures (n, 3, 224, 224) → features (n, FEATURES), float32 on the CPU."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @torch.inference_mode()
    def features(self, batch: Tensor) -> Tensor:
        """Any number of pictures but none, in as many calls as suit the backend."""
        return torch.cat([self._described(describe, pixels) for pixels in self._split(batch)])

    @torch.inference_mode()
    def region_features(self, batch: Tensor) -> Tensor:
        """(n, GRID, GRID, FEATURES): of every cell and its neighbours."""
        return torch.cat(
            [self._described(describe_regions, pixels) for pixels in self._split(batch)]
        )

    def _split(self, batch: Tensor) -> Sequence[Tensor]:
        return torch.split(batch, self._backend.at_once)

    def _described(self, describing: Callable[[Maps, Tensor], Tensor], batch: Tensor) -> Tensor:
        pixels = batch.to(self._backend.device)
        return describing(self._backend(pixels), pixels).cpu()


def load_picture_tower(runtime: Runtime, *, quantised: bool = False) -> PictureTower:
    """The tower on a device in a precision. Raises InvalidWeights when the ranges of INT8 cannot
    be used.
    """
    return PictureTower(pick_backend(MAPS, runtime, quantised=quantised))
