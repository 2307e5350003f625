"""Sphere tracing in numpy: cones find where the product is, rays find the surface, short walks
find shadow.

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

STEPS = 56
TOLERANCE = np.float32(0.0015)
RELAXED, AHEAD = np.float32(0.25), np.float32(0.008)
"""Over-relaxed steps: as the last one is taken back, each may enter the surface, but not pass
through a thin wall."""

Places = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
"""Columns and rows of pixels, each (n,)."""


def scene(shapes: Sequence[Sdf]) -> Sdf:
    """The nearest of several shapes."""

    def distance(p: Array) -> Array:
        nearest = shapes[0](p)
        for shape in shapes[1:]:
            np.minimum(nearest, shape(p), out=nearest)
        return nearest

    return distance


def walk(
    shape: Sdf, eye: Array, rays: Array, start: Array, far: float, spread: float = 0.0
) -> Array:
    """Distance along each ray to the surface, (n,), infinite for a miss.

    With `spread`, the width of a cone at distance 1, it stops where the cone first may touch: a
    safe start for every ray within the cone.
    """
    reached = np.full(rays.shape[1], np.inf, dtype=np.float32)
    live = np.arange(rays.shape[1])
    t, directions = start.astype(np.float32).copy(), rays
    for _ in range(STEPS):
        gap = shape(eye[:, None] + directions * t)
        done = gap < np.maximum(TOLERANCE, t * np.float32(spread))
        reached[live[done]] = t[done] if spread else t[done] + gap[done]
        t += (
            gap - t * np.float32(spread * 0.5) if spread else gap + np.minimum(gap * RELAXED, AHEAD)
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


def normals(shape: Sdf, p: Array, eps: float = 0.011) -> Array:
    """Unit normals (3, n) from four samples at the corners of a tetrahedron."""
    total = np.zeros_like(p)
    for corner in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        offset = np.array(corner, dtype=np.float32)[:, None]
        total += offset * shape(p + offset * np.float32(eps))
    return total / np.maximum(np.sqrt((total * total).sum(axis=0)), np.float32(1e-6))


def shadow(
    shape: Sdf, p: Array, light: Array, hardness: float, steps: int = 14, reach: float = 2.2
) -> Array:
    """How much of a soft light reaches each point, 0…1, (n,)."""
    clear = np.ones(p.shape[1], dtype=np.float32)
    t = np.full(p.shape[1], 0.03, dtype=np.float32)
    for _ in range(steps):
        gap = shape(p + light[:, None] * t)
        np.minimum(clear, gap * np.float32(hardness) / t, out=clear)
        t += np.clip(gap, np.float32(0.02), np.float32(reach / steps * 1.6))
    clear = np.clip(clear, 0, 1)
    return clear * clear * (3 - 2 * clear)


def occlusion(shape: Sdf, p: Array, n: Array, reach: float = 0.22, samples: int = 4) -> Array:
    """How open the surroundings of each point are, 0…1, (n,)."""
    hidden = np.zeros(p.shape[1], dtype=np.float32)
    weight, total = 1.0, 0.0
    for k in range(1, samples + 1):
        step = np.float32(reach * k / samples)
        hidden += np.float32(weight) * np.clip((step - shape(p + n * step)) / step, 0, 1)
        total += weight
        weight *= 0.75
    return np.clip(1 - hidden / np.float32(total) * np.float32(1.15), 0, 1)


def visibility(
    shape: Sdf, light: Array, p: Array, n: Array, at: Places | None
) -> tuple[Array, Array]:
    """Light that reaches each point and how open it lies, (n,) each.

    Both vary slowly, so where points are one per pixel a quarter of them is traced and the rest
    interpolated.
    """
    if at is None:
        return _traced(shape, light, p, n)
    x, y = at
    coarse = (x % 2 == 0) & (y % 2 == 0)
    planes = np.zeros((3, int(y.max()) // 2 + 2, int(x.max()) // 2 + 2), dtype=np.float32)
    planes[0, y[coarse] // 2, x[coarse] // 2] = 1
    planes[1:, y[coarse] // 2, x[coarse] // 2] = _traced(shape, light, p[:, coarse], n[:, coarse])
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
        total[1:, alone] = _traced(shape, light, p[:, alone], n[:, alone])
    return total[1] / total[0], total[2] / total[0]


def _traced(shape: Sdf, light: Array, p: Array, n: Array) -> tuple[Array, Array]:
    cast = np.zeros(p.shape[1], dtype=np.float32)
    facing = (n * light[:, None]).sum(axis=0) > 0
    cast[facing] = shadow(
        shape,
        p[:, facing] + n[:, facing] * np.float32(0.01),
        light,
        hardness=9,
        steps=10,
        reach=1.6,
    )
    return cast, occlusion(shape, p, n)


def owners(shapes: Sequence[Sdf], p: Array) -> npt.NDArray[np.intp]:
    """Which shape each surface point belongs to, (n,)."""
    if len(shapes) == 1:
        return np.zeros(p.shape[1], dtype=np.intp)
    return np.argmin(np.stack([shape(p) for shape in shapes]), axis=0)
