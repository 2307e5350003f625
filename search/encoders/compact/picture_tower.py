"""The frozen picture tower: pixels, through the network, to one row of features."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from search.encoders.base import Pixels
from search.encoders.compact.backends import Backend, pick_backend
from search.encoders.compact.describe import MAPS, describe
from search.encoders.compact.network import MEAN, SCALE, SIDE
from search.encoders.runtime import Runtime


def prepare(picture: Image.Image) -> Pixels:
    """RGB picture → (3, 224, 224) float32. The whole picture is kept: its sides are squashed to a square."""
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
        return torch.cat([self._features(pixels) for pixels in torch.split(batch, self._backend.at_once)])

    def _features(self, batch: Tensor) -> Tensor:
        pixels = batch.to(self._backend.device)
        return describe(self._backend(pixels), pixels).cpu()


def load_picture_tower(runtime: Runtime, *, quantised: bool = False) -> PictureTower:
    """The tower on a device in a precision. Raises WeightsRefused when the ranges of INT8 cannot be used."""
    return PictureTower(pick_backend(MAPS, runtime, quantised=quantised))
