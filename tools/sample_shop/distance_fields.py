"""Distance fields of flat outlines, baked once on a grid and interpolated while rays march.

A lathe or an inflated panel then has the same cost per ray, however complex its outline is.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Outline = tuple[tuple[float, float], ...]

MARGIN = 0.12
CELLS = 192


@dataclass(frozen=True, slots=True)
class DistanceField:
    """Distances to an outline: `grid` is (CELLS, CELLS), with the second axis in its rows."""

    grid: Array
    low: tuple[float, float]
    high: tuple[float, float]

    def __call__(self, a: Array, b: Array) -> Array:
        """Return the distance at the points (a, b), (n,): outside the grid a safe lower bound."""
        i, fa = _locate_cell(a, self.low[0], self.high[0])
        j, fb = _locate_cell(b, self.low[1], self.high[1])
        index = j * np.int32(CELLS) + i
        flat = self.grid.ravel()
        near = flat.take(index)
        near += (flat.take(index + 1) - near) * fa
        index += CELLS
        far = flat.take(index)
        far += (flat.take(index + 1) - far) * fa
        near += (far - near) * fb
        over = np.maximum(np.maximum(self.low[0] - a, a - self.high[0]), np.float32(0))
        up = np.maximum(np.maximum(self.low[1] - b, b - self.high[1]), np.float32(0))
        if not (over.any() or up.any()):
            return near
        # The outline is inside the grid, so Pythagoras on the clamped point is a lower bound.
        return np.where(near > 0, np.sqrt(near * near + over * over + up * up), near)


def _locate_cell(a: Array, low: float, high: float) -> tuple[npt.NDArray[np.int32], Array]:
    scaled = (a - np.float32(low)) * np.float32((CELLS - 1) / (high - low))
    np.clip(scaled, 0, CELLS - 1.001, out=scaled)
    index = scaled.astype(np.int32)
    return index, scaled - index


def smooth_curve(points: Sequence[tuple[float, float]], steps: int = 11) -> Outline:
    """Return a Catmull-Rom curve through `points`; a point given twice stays a corner."""
    knots = [points[0], *points, points[-1]]
    curve: list[tuple[float, float]] = []
    for (ax, ay), (bx, by), (cx, cy), (dx, dy) in zip(
        knots, knots[1:], knots[2:], knots[3:], strict=False
    ):
        if (bx, by) != (cx, cy):
            places = np.linspace(0, 1, steps, endpoint=False).tolist()
            curve.extend((_catmull(ax, bx, cx, dx, t), _catmull(ay, by, cy, dy, t)) for t in places)
    return (*curve, points[-1])


def _catmull(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )


@functools.lru_cache(maxsize=96)
def shell(line: Outline, thickness: float) -> DistanceField:
    """Return a wall of constant thickness along an open line, with round ends."""
    low, high = _bounds(line, thickness)
    distance, _ = _distance_to_line(line, low, high)
    return DistanceField(distance - np.float32(thickness / 2), low, high)


@functools.lru_cache(maxsize=96)
def solid(outline: Outline, rounding: float = 0.0) -> DistanceField:
    """Return the inside of a closed outline, grown by `rounding`; it is negative inside."""
    low, high = _bounds(outline, rounding)
    distance, inside = _distance_to_line((*outline, outline[0]), low, high)
    return DistanceField(np.where(inside, -distance, distance) - np.float32(rounding), low, high)


def lathe_solid(points: Outline, rounding: float = 0.0) -> DistanceField:
    """Return the profile of a turned solid: `points` runs along the axis from bottom to top."""
    # Close the outline behind the axis, so that the axis itself is not a surface.
    return solid(((-0.3, points[0][1]), *points, (-0.3, points[-1][1])), rounding)


def _bounds(line: Outline, grow: float) -> tuple[tuple[float, float], tuple[float, float]]:
    points = np.array(line)
    low, high = points.min(axis=0) - grow - MARGIN, points.max(axis=0) + grow + MARGIN
    return (float(low[0]), float(low[1])), (float(high[0]), float(high[1]))


def _distance_to_line(
    line: Outline, low: tuple[float, float], high: tuple[float, float]
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return the unsigned distance and the even-odd inside flag, each (CELLS, CELLS)."""
    x = np.linspace(low[0], high[0], CELLS, dtype=np.float32)[None, :]
    y = np.linspace(low[1], high[1], CELLS, dtype=np.float32)[:, None]
    nearest = np.full((CELLS, CELLS), np.inf, dtype=np.float32)
    inside = np.zeros((CELLS, CELLS), dtype=bool)
    for (ax, ay), (bx, by) in itertools.pairwise(line):
        ex, ey = bx - ax, by - ay
        along = np.clip(((x - ax) * ex + (y - ay) * ey) / max(ex * ex + ey * ey, 1e-12), 0, 1)
        dx, dy = x - ax - ex * along, y - ay - ey * along
        np.minimum(nearest, dx * dx + dy * dy, out=nearest)
        if ay != by:
            inside ^= ((ay > y) != (by > y)) & (x < ex * (y - ay) / ey + ax)
    return np.sqrt(nearest), inside
