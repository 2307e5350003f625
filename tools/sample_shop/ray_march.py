"""Sphere tracing in numpy: cones locate the product, rays its surface, short marches the shadow.

Hart, "Sphere Tracing" (1996); cone marching as in Fulcrum's "Cone Marching" (2012); soft shadows
and ambient occlusion by distance ratios (Evans, "Fast Approximations for Global Illumination on
Dynamic Scenes", 2006).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tools.sample_shop.distance_fields import Array
from tools.sample_shop.geometry import Sdf

MAX_STEPS = 56
TOLERANCE = np.float32(0.0015)
RELAXATION, MAX_OVERSTEP = np.float32(0.25), np.float32(0.008)
"""Over-relaxation: a step may enter the surface, because the last one is corrected, but not pass
through a thin wall."""

PixelCoordinates = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
"""Columns and rows of pixels, each (n,)."""


def combine(shapes: Sequence[Sdf]) -> Sdf:
    """Return the union of several shapes, computed in place."""

    def distance(p: Array) -> Array:
        nearest = shapes[0](p)
        for shape in shapes[1:]:
            np.minimum(nearest, shape(p), out=nearest)
        return nearest

    return distance


def march_rays(
    shape: Sdf, eye: Array, rays: Array, start: Array, far: float, spread: float = 0.0
) -> Array:
    """Return the distance along each ray to the surface, (n,), infinite for a miss.

    With `spread`, the width of a cone at distance 1, a march stops where the cone may first touch
    the surface: a safe start for every ray within the cone.
    """
    reached = np.full(rays.shape[1], np.inf, dtype=np.float32)
    live = np.arange(rays.shape[1])
    t, directions = start.astype(np.float32).copy(), rays
    for _ in range(MAX_STEPS):
        gap = shape(eye[:, None] + directions * t)
        done = gap < np.maximum(TOLERANCE, t * np.float32(spread))
        reached[live[done]] = t[done] if spread else t[done] + gap[done]
        t += (
            gap - t * np.float32(spread * 0.5)
            if spread
            else gap + np.minimum(gap * RELAXATION, MAX_OVERSTEP)
        )
        going = ~done & (t < far)
        if not going.any():
            return reached
        if going.mean() < 0.85:
            live, t, directions = live[going], t[going], directions[:, going]
        else:
            live, t, directions = (
                (live, t, directions)
                if going.all()
                else (live[going], t[going], directions[:, going])
            )
    reached[live] = np.where(t < far, t, np.inf) if spread else np.inf
    return reached


def surface_normals(shape: Sdf, p: Array, eps: float = 0.011) -> Array:
    """Return unit normals (3, n), from four samples at the corners of a tetrahedron."""
    total = np.zeros_like(p)
    for corner in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        offset = np.array(corner, dtype=np.float32)[:, None]
        total += offset * shape(p + offset * np.float32(eps))
    return total / np.maximum(np.sqrt((total * total).sum(axis=0)), np.float32(1e-6))


def soft_shadow(
    shape: Sdf, p: Array, light: Array, hardness: float, steps: int = 14, reach: float = 2.2
) -> Array:
    """Return the share of a soft light that reaches each point, 0…1, (n,)."""
    clear = np.ones(p.shape[1], dtype=np.float32)
    t = np.full(p.shape[1], 0.03, dtype=np.float32)
    for _ in range(steps):
        gap = shape(p + light[:, None] * t)
        np.minimum(clear, gap * np.float32(hardness) / t, out=clear)
        t += np.clip(gap, np.float32(0.02), np.float32(reach / steps * 1.6))
    clear = np.clip(clear, 0, 1)
    return clear * clear * (3 - 2 * clear)


def ambient_occlusion(
    shape: Sdf, p: Array, n: Array, reach: float = 0.22, samples: int = 4
) -> Array:
    """Return how open the surroundings of each point are, 0…1, (n,)."""
    hidden = np.zeros(p.shape[1], dtype=np.float32)
    weight, total = 1.0, 0.0
    for k in range(1, samples + 1):
        step = np.float32(reach * k / samples)
        hidden += np.float32(weight) * np.clip((step - shape(p + n * step)) / step, 0, 1)
        total += weight
        weight *= 0.75
    return np.clip(1 - hidden / np.float32(total) * np.float32(1.15), 0, 1)


def light_visibility(
    shape: Sdf, light: Array, p: Array, n: Array, at: PixelCoordinates | None
) -> tuple[Array, Array]:
    """Return the light that reaches each point and its ambient occlusion, (n,) each.

    Both vary slowly: where each pixel has one point, a quarter of them is traced and the rest
    interpolated.
    """
    if at is None:
        return _trace_visibility(shape, light, p, n)
    x, y = at
    coarse = (x % 2 == 0) & (y % 2 == 0)
    planes = np.zeros((3, int(y.max()) // 2 + 2, int(x.max()) // 2 + 2), dtype=np.float32)
    planes[0, y[coarse] // 2, x[coarse] // 2] = 1
    planes[1:, y[coarse] // 2, x[coarse] // 2] = _trace_visibility(
        shape, light, p[:, coarse], n[:, coarse]
    )
    left, right, above, below = x // 2, (x + 1) // 2, y // 2, (y + 1) // 2
    total = (
        planes[:, above, left]
        + planes[:, above, right]
        + planes[:, below, left]
        + planes[:, below, right]
    )
    alone = total[0] == 0
    total[0, alone] = 1
    if alone.any():
        total[1:, alone] = _trace_visibility(shape, light, p[:, alone], n[:, alone])
    return total[1] / total[0], total[2] / total[0]


def _trace_visibility(shape: Sdf, light: Array, p: Array, n: Array) -> tuple[Array, Array]:
    cast = np.zeros(p.shape[1], dtype=np.float32)
    facing = (n * light[:, None]).sum(axis=0) > 0
    cast[facing] = soft_shadow(
        shape,
        p[:, facing] + n[:, facing] * np.float32(0.01),
        light,
        hardness=9,
        steps=10,
        reach=1.6,
    )
    return cast, ambient_occlusion(shape, p, n)


def nearest_shape(shapes: Sequence[Sdf], p: Array) -> npt.NDArray[np.intp]:
    """Return the index of the shape that each surface point belongs to, (n,)."""
    if len(shapes) == 1:
        return np.zeros(p.shape[1], dtype=np.intp)
    return np.argmin(np.stack([shape(p) for shape in shapes]), axis=0)
