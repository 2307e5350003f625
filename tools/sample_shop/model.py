"""What is photographed: parts with shape, colour and finish, and the angles they look best from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from tools.sample_shop.distance_fields import Array
from tools.sample_shop.finishes import SATIN, Finish
from tools.sample_shop.geometry import Sdf
from tools.sample_shop.patterns import PATTERNS, SCALES

Painter = Callable[[Array, Array], Array]
"""(points (3, n), normals (3, n)) → accent mask (n,)."""


@dataclass(frozen=True, slots=True)
class Part:
    """`colour` and `accent` are `#rrggbb`; `along` is the axis that wood grain and brushing
    follow.
    """

    shape: Sdf
    colour: str
    finish: Finish = SATIN
    paint: Painter | None = None
    accent: str = "#ffffff"
    along: int = 1


@dataclass(frozen=True, slots=True)
class View:
    """Camera direction in degrees: `yaw` around the product, `pitch` above the horizon; `zoom`
    crops closer.
    """

    yaw: float
    pitch: float
    zoom: float = 1.0


@dataclass(frozen=True, slots=True)
class Model:
    """A drawable product that stands on its lowest point."""

    parts: tuple[Part, ...]
    views: tuple[View, ...] = (View(28, 16), View(-42, 38, 1.08))
    reach: float = 1.3
    cloud: Array = field(default_factory=lambda: np.zeros((3, 0), dtype=np.float32))
    """Points near the surface, (3, n): how the camera frames and where the floor is. `measured`
    fills it."""


def measured(model: Model, cells: int = 28) -> Model:
    """The model with its cloud filled from a coarse grid over ±reach."""
    ticks = np.linspace(-model.reach, model.reach, cells, dtype=np.float32)
    grid = np.stack([axis.ravel() for axis in np.meshgrid(ticks, ticks, ticks, indexing="ij")])
    step = 2 * model.reach / (cells - 1)
    near = np.full(grid.shape[1], np.inf, dtype=np.float32)
    for part in model.parts:
        np.minimum(near, part.shape(grid), out=near)
    seeds, gaps = grid[:, near < step], near[near < step]
    eps = np.float32(step * 0.25)
    slope = np.empty_like(seeds)
    for axis in range(3):
        ahead = seeds.copy()
        ahead[axis] += eps
        slope[axis] = np.min([part.shape(ahead) for part in model.parts], axis=0) - gaps
    slope /= np.maximum(np.sqrt((slope * slope).sum(axis=0)), np.float32(1e-4))
    return Model(model.parts, model.views, model.reach, seeds - slope * gaps)


def wrap(name: str, cell: float, radius: float, low: float = -9, high: float = 9) -> Painter | None:
    """A named pattern wound around y, in cells that close seamlessly at `radius`, between two
    heights.

    These three give no painter for a name that is no repeating pattern.
    """
    if name not in PATTERNS:
        return None
    pattern, cell = PATTERNS[name], cell * SCALES.get(name, 1.0)
    count = max(4, round(2 * np.pi * radius / cell / 2) * 2)
    if high - low < 9:
        # Whole rows between the borders: nobody paints half a flower.
        row, base = (high - low) / max(1, round((high - low) / cell)), low
    else:
        row, base = cell, 0.0

    def paint(p: Array, n: Array) -> Array:
        u = np.arctan2(p[2], p[0]) * np.float32(count / (2 * np.pi))
        return pattern(u, (p[1] - np.float32(base)) * np.float32(1 / row)) * _between(
            p[1], low, high
        )

    return paint


def printed(name: str, cell: float, up: tuple[int, int] = (1, 1)) -> Painter | None:
    """A named pattern printed on the plane of x and an upward axis, given as (axis, sign)."""
    if name not in PATTERNS:
        return None
    pattern, scale = PATTERNS[name], np.float32(1 / (cell * SCALES.get(name, 1.0)))
    axis, sign = up
    return lambda p, n: pattern(p[0] * scale, p[axis] * scale * np.float32(sign))


def boxed(name: str, cell: float) -> Painter | None:
    """A named pattern projected along whichever axis the surface faces."""
    if name not in PATTERNS:
        return None
    pattern, scale = PATTERNS[name], np.float32(1 / (cell * SCALES.get(name, 1.0)))

    def paint(p: Array, n: Array) -> Array:
        facing = np.argmax(np.abs(n), axis=0)
        return pattern(
            np.where(facing == 0, p[2], p[0]) * scale, np.where(facing == 1, p[2], p[1]) * scale
        )

    return paint


def heights(low: float, high: float) -> Painter:
    """The accent fills the ring between two heights."""
    return lambda p, n: _between(p[1], low, high)


def _between(y: Array, low: float, high: float) -> Array:
    soft = np.float32(160)
    return np.clip((y - np.float32(low)) * soft, 0, 1) * np.clip(
        (np.float32(high) - y) * soft, 0, 1
    )
