"""Pool the picture network's feature maps into one row of features; the same for every backend.

Everything is pooled from the cells of a 7 × 7 grid, so that a region is encoded like a whole
picture, from fewer cells. Spatial pyramid: Lazebnik et al., Beyond Bags of Features (2006).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from search.encoders.compact.colour import (
    BINS,
    LAB_SCALE,
    foreground_weights,
    rgb_to_lab,
    soft_histograms,
)
from search.encoders.compact.network import MEAN, SCALE

LAST, LAST_CHANNELS = "head", 1280
LAYOUT, LAYOUT_CHANNELS = "stage7", 320
"""The map before the last has a quarter of its channels, so that four quarters of the picture
cost as much as its mean."""

MIDDLE = {"stage3": 40, "stage5": 112, "stage6": 192}
"""Earlier maps and their channels: texture and pattern, which the last maps lose."""

MAPS = (*MIDDLE, LAYOUT, LAST)
"""Feature maps requested from `network.Network`."""

GRID = 7
"""Cells along each side of a picture."""

REGION_RADIUS = 1
"""A region is a cell and its neighbours within so many cells."""

COLOUR_CHANNELS = BINS + 3
FEATURES = 2 * (LAST_CHANNELS + sum(MIDDLE.values()) + COLOUR_CHANNELS) + 4 * LAYOUT_CHANNELS
"""Width of a row of features."""

THUMBNAIL_SIDE = 4 * GRID
"""Colours are counted on a thumbnail: finer pixels are noise and texture."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Values per grid cell, (n, channels, rows, columns) each."""

    last: Tensor
    layout: Tensor
    middle: Tensor
    middle_squared: Tensor
    colours: Tensor
    front_colours: Tensor
    front: Tensor

    def crop(self, rows: slice, columns: slice) -> Cells:
        """Return a window of cells."""
        parts = (
            self.last,
            self.layout,
            self.middle,
            self.middle_squared,
            self.colours,
            self.front_colours,
            self.front,
        )
        return Cells(*(part[:, :, rows, columns] for part in parts))

    def pool(self) -> Tensor:
        """Pool all cells into (n, FEATURES)."""
        middle = _mean(self.middle)
        deviation = (_mean(self.middle_squared) - middle**2).clamp(min=0).sqrt()
        front = _mean(self.front_colours) / _mean(self.front)
        pooled = [_mean(self.last), self.last.amax((2, 3)), middle, deviation]
        colours = [_signed_sqrt(_mean(self.colours)), _signed_sqrt(front)]
        return torch.cat([*pooled, *_spatial_pyramid(self.layout), *colours], dim=1)


def pool_features(maps: Mapping[str, Tensor], pixels: Tensor) -> Tensor:
    """Pool feature maps (n, c, h, w) and prepared pictures (n, 3, 224, 224) into (n, FEATURES).

    A row holds means and maxima of the last map, means and deviations of earlier maps, means of
    the picture's quarters, and colour histograms of the whole and of the foreground.
    """
    return _to_cells(maps, pixels).pool()


def pool_region_features(maps: Mapping[str, Tensor], pixels: Tensor) -> Tensor:
    """Pool every cell with its neighbours: (n, 7, 7, FEATURES). Border regions are smaller."""
    cells = _to_cells(maps, pixels)
    windows = [
        slice(max(0, cell - REGION_RADIUS), cell + REGION_RADIUS + 1) for cell in range(GRID)
    ]
    regions = [cells.crop(row, column).pool() for row in windows for column in windows]
    return torch.stack(regions, dim=1).reshape(len(pixels), GRID, GRID, FEATURES)


def _to_cells(maps: Mapping[str, Tensor], pixels: Tensor) -> Cells:
    thumbnail = rgb_to_lab((_downsample(pixels, THUMBNAIL_SIDE) * SCALE + MEAN) / 255)
    front = foreground_weights(thumbnail)
    all_colours, front_colours = soft_histograms(thumbnail, (torch.ones_like(front), front), GRID)
    middle = [maps[name] for name in MIDDLE]
    lab = thumbnail / LAB_SCALE
    return Cells(
        last=maps[LAST],
        layout=maps[LAYOUT],
        middle=torch.cat([_downsample(values, GRID) for values in middle], dim=1),
        middle_squared=torch.cat([_downsample(values**2, GRID) for values in middle], dim=1),
        colours=torch.cat([all_colours, _downsample(lab, GRID)], dim=1),
        front_colours=torch.cat(
            [front_colours, _downsample(thumbnail * front / LAB_SCALE, GRID)], dim=1
        ),
        front=_downsample(front, GRID),
    )


def _downsample(values: Tensor, side: int) -> Tensor:
    return functional.avg_pool2d(values, values.shape[-1] // side)


def _mean(values: Tensor) -> Tensor:
    return values.mean((2, 3))


def _spatial_pyramid(values: Tensor) -> list[Tensor]:
    """Return means of the four quarters, which share the middle of an odd number of cells."""
    height, width = ((size + 1) // 2 for size in values.shape[2:])
    upper, lower = values[:, :, :height], values[:, :, -height:]
    return [
        _mean(half[..., part])
        for half in (upper, lower)
        for part in (slice(None, width), slice(-width, None))
    ]


def _signed_sqrt(colours: Tensor) -> Tensor:
    """Take the square root of the histogram bins; the mean Lab values stay as they are."""
    return torch.cat([colours[:, :BINS].clamp(min=0).sqrt(), colours[:, BINS:]], dim=1)
