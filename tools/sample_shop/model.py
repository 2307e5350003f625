"""A drawable product: parts with shape, colour and finish, and the camera angles."""

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
    """A shape of one material.

    `colour` and `accent` are `#rrggbb`. `paint` says where the accent colour is. `along` is the
    axis of wood grain and brush marks.
    """

    shape: Sdf
    colour: str
    finish: Finish = SATIN
    paint: Painter | None = None
    accent: str = "#ffffff"
    along: int = 1


@dataclass(frozen=True, slots=True)
class View:
    """A camera direction, in degrees.

    `yaw` turns around the product, `pitch` is above the horizon, `zoom` > 1 crops closer.
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
    """Points near the surface, (3, n): they give the frame and the floor. See `add_point_cloud`."""


def add_point_cloud(model: Model, cells: int = 28) -> Model:
    """Return the model with a point cloud, sampled on a coarse grid over ±reach."""
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


def wrap_pattern_around(
    name: str, cell: float, radius: float, low: float = -9, high: float = 9
) -> Painter | None:
    """Return a painter that wraps a named pattern around y, between two heights.

    The cells close seamlessly at `radius`. This function and the next two return None for a name
    that is not a repeating pattern.
    """
    if name not in PATTERNS:
        return None
    pattern, cell = PATTERNS[name], cell * SCALES.get(name, 1.0)
    count = max(4, round(2 * np.pi * radius / cell / 2) * 2)
    if high - low < 9:
        # Fit whole rows between the borders, so that no motif is cut.
        row, base = (high - low) / max(1, round((high - low) / cell)), low
    else:
        row, base = cell, 0.0

    def paint(p: Array, n: Array) -> Array:
        u = np.arctan2(p[2], p[0]) * np.float32(count / (2 * np.pi))
        return pattern(u, (p[1] - np.float32(base)) * np.float32(1 / row)) * _between(
            p[1], low, high
        )

    return paint


def print_pattern(name: str, cell: float, up: tuple[int, int] = (1, 1)) -> Painter | None:
    """Return a painter that prints a named pattern on the plane of x and `up`, (axis, sign)."""
    if name not in PATTERNS:
        return None
    pattern, scale = PATTERNS[name], np.float32(1 / (cell * SCALES.get(name, 1.0)))
    axis, sign = up
    return lambda p, n: pattern(p[0] * scale, p[axis] * scale * np.float32(sign))


def project_pattern(name: str, cell: float) -> Painter | None:
    """Return a painter that projects a named pattern along the axis that the surface faces."""
    if name not in PATTERNS:
        return None
    pattern, scale = PATTERNS[name], np.float32(1 / (cell * SCALES.get(name, 1.0)))

    def paint(p: Array, n: Array) -> Array:
        facing = np.argmax(np.abs(n), axis=0)
        return pattern(
            np.where(facing == 0, p[2], p[0]) * scale, np.where(facing == 1, p[2], p[1]) * scale
        )

    return paint


def paint_band(low: float, high: float) -> Painter:
    """Return a painter that fills the ring between two heights with the accent colour."""
    return lambda p, n: _between(p[1], low, high)


def _between(y: Array, low: float, high: float) -> Array:
    soft = np.float32(160)
    return np.clip((y - np.float32(low)) * soft, 0, 1) * np.clip(
        (np.float32(high) - y) * soft, 0, 1
    )
