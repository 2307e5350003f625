"""Signed distance functions, as primitives and operators that combine them.

Points are (3, n) float32, y is up, one unit is about the height of a product. The primitives are
the standard exact or bounded ones (Hart, "Sphere Tracing", 1996). They are named by the shape
that they return, as is usual in constructive solid geometry.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import numpy as np

from tools.sample_shop.distance_fields import Array, DistanceField

Sdf = Callable[[Array], Array]
Vec = tuple[float, float, float]


def _length(*parts: Array) -> Array:
    total = parts[0] * parts[0]
    for part in parts[1:]:
        total += part * part
    return np.sqrt(total, out=total)


def sphere(radius: float, centre: Vec = (0, 0, 0)) -> Sdf:
    def distance(p: Array) -> Array:
        return (
            _length(
                p[0] - np.float32(centre[0]),
                p[1] - np.float32(centre[1]),
                p[2] - np.float32(centre[2]),
            )
            - radius
        )

    return distance


def ellipsoid(radii: Vec, centre: Vec = (0, 0, 0)) -> Sdf:
    """Return a lower bound of the distance, exact on the surface to first order."""

    def distance(p: Array) -> Array:
        x, y, z = (p[k] - np.float32(centre[k]) for k in range(3))
        a, b, c = (np.float32(1 / r) for r in radii)
        k0 = _length(x * a, y * b, z * c)
        k1 = _length(x * a * a, y * b * b, z * c * c)
        return cast(Array, k0 * (k0 - 1) / np.maximum(k1, np.float32(1e-4)))

    return distance


def box(half: Vec, rounding: float = 0.02, centre: Vec = (0, 0, 0)) -> Sdf:
    def distance(p: Array) -> Array:
        qx, qy, qz = (
            np.abs(p[k] - np.float32(centre[k])) - np.float32(half[k] - rounding) for k in range(3)
        )
        inner = np.minimum(np.maximum(np.maximum(qx, qy), qz), np.float32(0))
        return (
            _length(np.maximum(qx, 0), np.maximum(qy, 0), np.maximum(qz, 0))
            + inner
            - np.float32(rounding)
        )

    return distance


def cylinder(
    radius: float, half: float, rounding: float = 0.01, centre: Vec = (0, 0, 0), axis: int = 1
) -> Sdf:
    """Return a cylinder with round edges along one axis; `half` is half its length."""
    across = [k for k in range(3) if k != axis]

    def distance(p: Array) -> Array:
        first, second = (p[k] - np.float32(centre[k]) for k in across)
        side = _length(first, second) - np.float32(radius - rounding)
        end = np.abs(p[axis] - np.float32(centre[axis])) - np.float32(half - rounding)
        inner = np.minimum(np.maximum(side, end), np.float32(0))
        return _length(np.maximum(side, 0), np.maximum(end, 0)) + inner - np.float32(rounding)

    return distance


def capsule(start: Vec, end: Vec, radius: float, end_radius: float | None = None) -> Sdf:
    """Return a round bar from `start` to `end`, which tapers to `end_radius` if it is given."""
    edge = [end[k] - start[k] for k in range(3)]
    norm = sum(e * e for e in edge)
    taper = np.float32((radius if end_radius is None else end_radius) - radius)

    def distance(p: Array) -> Array:
        x, y, z = (p[k] - np.float32(start[k]) for k in range(3))
        along = (
            x * np.float32(edge[0]) + y * np.float32(edge[1]) + z * np.float32(edge[2])
        ) * np.float32(1 / norm)
        np.clip(along, 0, 1, out=along)
        x -= along * np.float32(edge[0])
        y -= along * np.float32(edge[1])
        z -= along * np.float32(edge[2])
        return _length(x, y, z) - np.float32(radius) - taper * along

    return distance


def tube(points: list[Vec], radii: list[float]) -> Sdf:
    """Return a bent bar through `points`, with a radius at each."""
    bars = [
        capsule(a, b, ra, rb)
        for a, b, ra, rb in zip(points, points[1:], radii, radii[1:], strict=False)
    ]
    return union(*bars)


def torus(
    ring: float, bar: float, centre: Vec = (0, 0, 0), axis: int = 1, stretch: float = 1.0
) -> Sdf:
    """Return a ring of radius `ring` around `axis`; `stretch` > 1 makes it taller along y."""
    across = [k for k in range(3) if k != axis]

    def distance(p: Array) -> Array:
        first, second = (
            (p[k] - np.float32(centre[k])) * np.float32(1 / stretch if k == 1 else 1)
            for k in across
        )
        return _length(
            _length(first, second) - np.float32(ring), p[axis] - np.float32(centre[axis])
        ) - np.float32(bar)

    return distance


def lathe(field: DistanceField, ribs: int = 0, depth: float = 0.0, twist: float = 0.0) -> Sdf:
    """Return a solid of revolution around y.

    `ribs` waves of the given depth flute it; they turn by `twist` per unit of height.
    """

    def distance(p: Array) -> Array:
        base = field(_length(p[0], p[2]), p[1])
        if not ribs:
            return base
        angle = np.arctan2(p[2], p[0]) * ribs + p[1] * np.float32(twist)
        return (base - np.cos(angle) * np.float32(depth)) * np.float32(0.8)

    return distance


def panel(
    field: DistanceField,
    thickness: float,
    puff: float = 0.0,
    fold: float = 0.0,
    dome: tuple[float, float] | None = None,
) -> Sdf:
    """Return a sheet in the x-y plane with soft folds of depth `fold`.

    It swells by `puff` with the distance from its edge or, if the half widths `dome` are given,
    like a stuffed cushion.
    """

    def distance(p: Array) -> Array:
        edge = field(p[0], p[1])
        z = p[2]
        if fold:
            z = z + np.float32(fold) * _folds(p[0], p[1])
        swell = _swell(p, edge, dome) * np.float32(puff) if puff else np.float32(0)
        face = (np.abs(z) - np.float32(thickness) - swell) * np.float32(0.75)
        inner = np.minimum(np.maximum(edge, face), np.float32(0))
        return _length(np.maximum(edge, 0), np.maximum(face, 0)) + inner - np.float32(0.008)

    return distance


def _swell(p: Array, edge: Array, dome: tuple[float, float] | None) -> Array:
    if dome is None:
        return np.sqrt(np.clip(-edge, 0, np.float32(0.45)) * np.float32(0.9) + np.float32(1e-6))
    x, y = p[0] * np.float32(1 / dome[0]), p[1] * np.float32(1 / dome[1])
    bulge = np.maximum(1 - x * x, 0) * np.maximum(1 - y * y, 0)
    return np.sqrt(bulge + np.float32(1e-6)) * (np.float32(0.35) + np.float32(0.65) * bulge)


def _folds(x: Array, y: Array) -> Array:
    """Return the relief of cloth, about -1…1: a few long waves that bend into each other."""
    warp = np.sin(y * np.float32(3.1) + np.float32(0.6)) * np.float32(0.35)
    return (
        np.sin(x * np.float32(7.3) + y * np.float32(2.2) + warp * 3) * np.float32(0.5)
        + np.sin(x * np.float32(-4.1) + y * np.float32(8.7) + warp * 4) * np.float32(0.3)
        + np.sin(x * np.float32(13.0) - y * np.float32(5.5)) * np.float32(0.2)
    )


def union(*shapes: Sdf) -> Sdf:
    def distance(p: Array) -> Array:
        nearest = shapes[0](p)
        for shape in shapes[1:]:
            nearest = np.minimum(nearest, shape(p))
        return nearest

    return distance


def blend(radius: float, *shapes: Sdf) -> Sdf:
    """Return a union with seams rounded over `radius` (polynomial smooth minimum)."""

    def distance(p: Array) -> Array:
        nearest = shapes[0](p)
        for shape in shapes[1:]:
            other = shape(p)
            overlap = np.maximum(np.float32(radius) - np.abs(nearest - other), 0) * np.float32(
                1 / radius
            )
            nearest = np.minimum(nearest, other) - overlap * overlap * np.float32(radius / 4)
        return nearest

    return distance


def cut(shape: Sdf, *tools: Sdf) -> Sdf:
    def distance(p: Array) -> Array:
        kept = shape(p)
        for tool in tools:
            kept = np.maximum(kept, -tool(p))
        return kept

    return distance


def clip_axis(shape: Sdf, axis: int, low: float = -9.0, high: float = 9.0) -> Sdf:
    """Return the slab low ≤ p[axis] ≤ high of a shape."""

    def distance(p: Array) -> Array:
        return np.maximum(
            shape(p), np.maximum(np.float32(low) - p[axis], p[axis] - np.float32(high))
        )

    return distance


def move(shape: Sdf, by: Vec) -> Sdf:
    offset = np.array(by, dtype=np.float32)[:, None]

    def distance(p: Array) -> Array:
        return shape(p - offset)

    return distance


def turn(shape: Sdf, axis: int, degrees: float) -> Sdf:
    """Rotate a shape about one axis, counter-clockwise as seen from the axis' tip."""
    cosine, sine = (
        np.float32(math.cos(math.radians(degrees))),
        np.float32(math.sin(math.radians(degrees))),
    )
    first, second = (axis + 1) % 3, (axis + 2) % 3

    def distance(p: Array) -> Array:
        q = p.copy()
        q[first] = p[first] * cosine + p[second] * sine
        q[second] = p[second] * cosine - p[first] * sine
        return shape(q)

    return distance


def mirror(shape: Sdf, *axes: int) -> Sdf:
    """Draw the shape on both sides of the given planes through the origin."""

    def distance(p: Array) -> Array:
        q = p.copy()
        for axis in axes:
            np.abs(q[axis], out=q[axis])
        return shape(q)

    return distance


def around(shape: Sdf, count: int) -> Sdf:
    """Repeat a shape that lies along +x `count` times around y."""
    sector = np.float32(2 * math.pi / count)

    def distance(p: Array) -> Array:
        angle = np.arctan2(p[2], p[0])
        angle -= np.round(angle / sector) * sector
        radius = _length(p[0], p[2])
        return shape(np.stack([radius * np.cos(angle), p[1], radius * np.sin(angle)]))

    return distance
