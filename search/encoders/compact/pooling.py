"""From what the picture network sees to one row of features: pure tensor code, the same behind
every backend.

Everything is pooled from the cells of a 7 × 7 grid, so a region is described exactly as a whole
picture is, from fewer cells. Means, maxima and quarters: Lazebnik et al., Beyond Bags of
Features: Spatial Pyramid Matching (2006).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from search.encoders.compact.colour import BINS, LAB_SCALE, foreground, histograms, lab
from search.encoders.compact.network import MEAN, SCALE

LAST, LAST_CHANNELS = "head", 1280
LAYOUT, LAYOUT_CHANNELS = "stage7", 320
"""The map before the last, four times narrower: where in the picture something is costs no more
than what it is."""

MIDDLE = {"stage3": 40, "stage5": 112, "stage6": 192}
"""Earlier maps and their channels: texture and pattern, which the last maps have forgotten."""

MAPS = (*MIDDLE, LAYOUT, LAST)
"""The feature maps that the network is asked for, by the names of `network.Network`."""

GRID = 7
"""Cells along each side of a picture."""

REACH = 1
"""A region is a cell and its neighbours so many cells away."""

COLOURS = BINS + 3
FEATURES = 2 * (LAST_CHANNELS + sum(MIDDLE.values()) + COLOURS) + 4 * LAYOUT_CHANNELS
"""Width of what `describe` returns."""

THUMBNAIL = 4 * GRID
"""Colours are counted on so many pixels along each side: finer ones are noise and texture."""


@dataclass(frozen=True, slots=True)
class Cells:
    """What is known of every cell of a window, (n, channels, rows, columns) each."""

    last: Tensor
    layout: Tensor
    middle: Tensor
    middle_squared: Tensor
    colours: Tensor
    front_colours: Tensor
    front: Tensor

    def window(self, rows: slice, columns: slice) -> Cells:
        """Fewer cells."""
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

    def described(self) -> Tensor:
        """All cells pooled, (n, FEATURES)."""
        middle = _mean(self.middle)
        deviation = (_mean(self.middle_squared) - middle**2).clamp(min=0).sqrt()
        front = _mean(self.front_colours) / _mean(self.front)
        seen = [_mean(self.last), self.last.amax((2, 3)), middle, deviation]
        return torch.cat(
            [*seen, *_quarters(self.layout), _rooted(_mean(self.colours)), _rooted(front)], dim=1
        )


def describe(maps: Mapping[str, Tensor], pixels: Tensor) -> Tensor:
    """Feature maps (n, c, h, w) by name and the prepared pictures (n, 3, 224, 224), float32 →
    (n, FEATURES) float32.

    Means and maxima of the last maps, means and deviations of earlier ones, what is in each
    quarter, and the colours of the whole and of what differs from the background.
    """
    return _cells(maps, pixels).described()


def describe_regions(maps: Mapping[str, Tensor], pixels: Tensor) -> Tensor:
    """The same for every cell and its neighbours → (n, 7, 7, FEATURES). Regions at the border
    are smaller.
    """
    cells = _cells(maps, pixels)
    reach = [slice(max(0, cell - REACH), cell + REACH + 1) for cell in range(GRID)]
    rows = [
        torch.stack([cells.window(row, column).described() for column in reach], dim=1)
        for row in reach
    ]
    return torch.stack(rows, dim=1)


def _cells(maps: Mapping[str, Tensor], pixels: Tensor) -> Cells:
    thumbnail = lab((_averaged(pixels, THUMBNAIL) * SCALE + MEAN) / 255)
    front = foreground(thumbnail)
    of_all, of_front = histograms(thumbnail, (torch.ones_like(front), front), GRID)
    middle = [maps[name] for name in MIDDLE]
    return Cells(
        last=maps[LAST],
        layout=maps[LAYOUT],
        middle=torch.cat([_averaged(each, GRID) for each in middle], dim=1),
        middle_squared=torch.cat([_averaged(each**2, GRID) for each in middle], dim=1),
        colours=torch.cat([of_all, _averaged(thumbnail / LAB_SCALE, GRID)], dim=1),
        front_colours=torch.cat([of_front, _averaged(thumbnail * front / LAB_SCALE, GRID)], dim=1),
        front=_averaged(front, GRID),
    )


def _averaged(found: Tensor, side: int) -> Tensor:
    return functional.avg_pool2d(found, found.shape[-1] // side)


def _mean(found: Tensor) -> Tensor:
    return found.mean((2, 3))


def _quarters(found: Tensor) -> list[Tensor]:
    """Means of the four corners, which share the middle row and column of an odd number of
    cells.
    """
    height, width = ((size + 1) // 2 for size in found.shape[2:])
    upper, lower = found[:, :, :height], found[:, :, -height:]
    return [
        _mean(half[..., part])
        for half in (upper, lower)
        for part in (slice(None, width), slice(-width, None))
    ]


def _rooted(colours: Tensor) -> Tensor:
    return torch.cat([colours[:, :BINS].clamp(min=0).sqrt(), colours[:, BINS:]], dim=1)
