"""Weights as they are stored: matrices in 8 bits with one scale a row, everything else in half
precision.

Source: Dettmers et al., LLM.int8() (2022), section 2: symmetric quantisation by the largest
value of each row.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

SCALE_OF = "scale of "
LARGEST = 127


def packed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Named tensors → what a file holds. A matrix becomes int8 and a column of scales under its
    name after SCALE_OF.
    """
    stored = {}
    for name, tensor in weights.items():
        if tensor.ndim != 2:
            stored[name] = tensor.to(torch.float16).contiguous()
            continue
        scale = (tensor.abs().amax(1, keepdim=True) / LARGEST).clamp(min=1e-7)
        stored[name] = (tensor / scale).round().to(torch.int8).contiguous()
        stored[f"{SCALE_OF}{name}"] = scale
    return stored


def unpacked(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a file holds → named tensors, float32. Matrices that were stored without a scale are
    taken as they are.
    """
    return {
        name: tensor.float() * stored.get(f"{SCALE_OF}{name}", torch.ones(()))
        for name, tensor in stored.items()
        if not name.startswith(SCALE_OF)
    }
