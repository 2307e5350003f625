"""The frozen picture tower: pixels, through the network, to one row of features."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from search.encoders.base import Pixels
from search.encoders.compact.describe import MAPS, describe
from search.encoders.compact.network import Network, load_network

SIDE = 224
MEAN = 127.0
SCALE = 128.0


def prepare(picture: Image.Image) -> Pixels:
    """RGB picture → (3, 224, 224) float32. The whole picture is kept: its sides are squashed to a square."""
    resized = picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    pixels = np.asarray(resized, dtype=np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray((pixels - MEAN) / SCALE)


class PictureTower(nn.Module):
    """Prepared pictures (n, 3, 224, 224) → features (n, FEATURES), float32."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    @torch.inference_mode()
    def features(self, batch: Tensor) -> Tensor:
        """One batch on the tower's device. Channels last is what the CPU's convolutions are fastest with."""
        weight = next(self.network.parameters())
        pixels = batch.to(weight.device)
        maps = self.network(pixels.to(weight.dtype, memory_format=torch.channels_last))
        return describe({name: found.float() for name, found in maps.items()}, pixels).cpu()


def load_picture_tower() -> PictureTower:
    """The tower in float32 on the CPU."""
    return PictureTower(load_network(MAPS))
