"""From what the picture network sees to one row of features: pure tensor code, the same behind every backend."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

MAPS = ("head",)
"""The feature maps that the network is asked for, by the names of `network.Network`."""

FEATURES = 2 * 1280
"""Width of what `describe` returns."""


def describe(maps: Mapping[str, Tensor], pixels: Tensor) -> Tensor:
    """Feature maps (n, c, h, w) by name and the prepared pictures (n, 3, 224, 224), float32 → (n, FEATURES) float32.

    Means and maxima of the last maps: what the picture is of, and what is in it.
    """
    last = maps["head"]
    return torch.cat([last.mean((2, 3)), last.amax((2, 3))], dim=1)
