"""Soft colour histograms in CIE Lab, because the network's own features are weak on colour.

Sources: CIE 1976 L*a*b* under D65 from sRGB (IEC 61966-2-1); the inner product of square roots of
histograms compares them by the Hellinger distance (Arandjelović & Zisserman, RootSIFT, 2012).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

LIGHTNESS = torch.linspace(5, 95, 5)
GREEN_RED = torch.linspace(-45, 60, 7)
BLUE_YELLOW = torch.linspace(-50, 65, 7)
"""Centres of the bins in Lab units. Neighbours overlap by the widths in AXES, so that no shade
lies on an edge."""

AXES = ((LIGHTNESS, 12.0), (GREEN_RED, 9.0), (BLUE_YELLOW, 9.0))
BINS = len(LIGHTNESS) * len(GREEN_RED) * len(BLUE_YELLOW)
LAB_SCALE = 50.0

FOREGROUND_DISTANCE = 25.0
"""Lab distance from the colour of the picture's border at which a pixel is surely foreground."""

MIN_FOREGROUND_WEIGHT = 0.05
"""Weight of background, so that a white thing on white is described too."""

XYZ = torch.tensor([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = torch.tensor([0.9505, 1.0, 1.089])


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """Convert sRGB in [0, 1], (n, 3, h, w), to CIE Lab of the same shape."""
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    ratio = torch.einsum("oc,nchw->nohw", (XYZ / WHITE[:, None]).to(rgb.device), linear)
    x, y, z = torch.where(
        ratio > 0.008856, ratio.clamp(min=1e-6) ** (1 / 3), 7.787 * ratio + 16 / 116
    ).unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def soft_histograms(lab: Tensor, weightings: Sequence[Tensor], grid: int) -> list[Tensor]:
    """Return a histogram per grid cell and weighting, each (n, BINS, grid, grid).

    `lab` holds pixels (n, 3, h, w), each weighting weights of pixels (n, 1, h, w). A bin is the
    weighted mean of how much the cell's pixels belong to it.
    """
    lightness, green_red, blue_yellow = (
        _split_cells(_memberships(lab[:, channel], centres, width), grid)
        for channel, (centres, width) in enumerate(AXES)
    )
    outer = (lightness.unsqueeze(3) * green_red.unsqueeze(2)).flatten(2, 3)
    third = blue_yellow.transpose(2, 3) / blue_yellow.shape[3]
    histograms = [(outer * _split_cells(weights, grid)) @ third for weights in weightings]
    return [
        histogram.flatten(2).transpose(1, 2).reshape(len(lab), BINS, grid, grid)
        for histogram in histograms
    ]


def foreground_weights(lab: Tensor) -> Tensor:
    """Weigh Lab pixels (n, 3, h, w) by their distance from the border's colour, (n, 1, h, w)."""
    border = torch.cat([lab[:, :, 0], lab[:, :, -1], lab[:, :, :, 0], lab[:, :, :, -1]], dim=2)
    background: Tensor = border.median(dim=2).values[:, :, None, None]
    distance: Tensor = torch.linalg.vector_norm(lab - background, dim=1, keepdim=True)
    return MIN_FOREGROUND_WEIGHT + (distance / FOREGROUND_DISTANCE).clamp(max=1)


def _memberships(values: Tensor, centres: Tensor, width: float) -> Tensor:
    """Return how much each value belongs to each bin of an axis; the sum over bins is 1."""
    offsets = (values.unsqueeze(1) - centres.to(values.device)[:, None, None]) / width
    return torch.softmax(-(offsets**2) / 2, dim=1)


def _split_cells(values: Tensor, grid: int) -> Tensor:
    """(n, c, h, w) → (n, cells, c, pixels of a cell)."""
    count, channels, height, width = values.shape
    split = values.reshape(count, channels, grid, height // grid, grid, width // grid)
    return split.permute(0, 2, 4, 1, 3, 5).reshape(count, grid * grid, channels, -1)
