"""Colour of pictures, which the network's own features are weak on: soft histograms in CIE Lab.

Sources: CIE 1976 L*a*b* under D65 from sRGB (IEC 61966-2-1); square roots of histograms compare
by their inner product as the Hellinger distance does (Arandjelović & Zisserman, RootSIFT, 2012).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

LIGHTNESS = torch.linspace(5, 95, 5)
GREEN_RED = torch.linspace(-45, 60, 7)
BLUE_YELLOW = torch.linspace(-50, 65, 7)
"""Centres of the bins, in Lab's units; neighbours overlap by the widths in AXES, so that no
shade sits on an edge."""

AXES = ((LIGHTNESS, 12.0), (GREEN_RED, 9.0), (BLUE_YELLOW, 9.0))
BINS = len(LIGHTNESS) * len(GREEN_RED) * len(BLUE_YELLOW)
LAB_SCALE = 50.0

DISTINCT = 25.0
"""Lab distance from the colour of the picture's border at which a pixel surely is not
background."""

LEAST_WEIGHT = 0.05
"""What background still weighs: a white thing on white is described by something, too."""

XYZ = torch.tensor([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = torch.tensor([0.9505, 1.0, 1.089])


def lab(rgb: Tensor) -> Tensor:
    """SRGB in [0, 1], (n, 3, h, w) → CIE Lab, the same shape."""
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    ratio = torch.einsum("oc,nchw->nohw", (XYZ / WHITE[:, None]).to(rgb.device), linear)
    x, y, z = torch.where(
        ratio > 0.008856, ratio.clamp(min=1e-6) ** (1 / 3), 7.787 * ratio + 16 / 116
    ).unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def histograms(colours: Tensor, weightings: Sequence[Tensor], grid: int) -> list[Tensor]:
    """Lab pixels (n, 3, h, w) and weights of pixels (n, 1, h, w) → for each weighting, means
    over the cells of a grid of how much a pixel belongs to each bin, (n, BINS, grid, grid).
    """
    lightness, green_red, blue_yellow = (
        _in_cells(_shares(colours[:, channel], centres, width), grid)
        for channel, (centres, width) in enumerate(AXES)
    )
    outer = (lightness.unsqueeze(3) * green_red.unsqueeze(2)).flatten(2, 3)
    third = blue_yellow.transpose(2, 3) / blue_yellow.shape[3]
    found = [(outer * _in_cells(weights, grid)) @ third for weights in weightings]
    return [
        each.flatten(2).transpose(1, 2).reshape(len(colours), BINS, grid, grid) for each in found
    ]


def foreground(colours: Tensor) -> Tensor:
    """Lab pixels (n, 3, h, w) → weights (n, 1, h, w): how surely a pixel differs from the
    picture's border.
    """
    border = torch.cat(
        [colours[:, :, 0], colours[:, :, -1], colours[:, :, :, 0], colours[:, :, :, -1]], dim=2
    )
    background: Tensor = border.median(dim=2).values[:, :, None, None]
    distance: Tensor = torch.linalg.vector_norm(colours - background, dim=1, keepdim=True)
    return LEAST_WEIGHT + (distance / DISTINCT).clamp(max=1)


def _shares(values: Tensor, centres: Tensor, width: float) -> Tensor:
    offsets = (values.unsqueeze(1) - centres.to(values.device)[:, None, None]) / width
    return torch.softmax(-(offsets**2) / 2, dim=1)


def _in_cells(found: Tensor, grid: int) -> Tensor:
    """(n, c, h, w) → (n, cells, c, pixels of a cell)."""
    count, channels, height, width = found.shape
    split = found.reshape(count, channels, grid, height // grid, grid, width // grid)
    return split.permute(0, 2, 4, 1, 3, 5).reshape(count, grid * grid, channels, -1)
