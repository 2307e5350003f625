"""Build the models of balls, toy cars and rubber ducks."""

from __future__ import annotations

import numpy as np

from tools.sample_shop import finishes
from tools.sample_shop.design import ProductDesign
from tools.sample_shop.distance_fields import Array
from tools.sample_shop.geometry import (
    Sdf,
    blend,
    box,
    capsule,
    clip_axis,
    cut,
    cylinder,
    ellipsoid,
    mirror,
    move,
    sphere,
    turn,
)
from tools.sample_shop.model import Model, Painter, Part, View, paint_band, print_pattern
from tools.sample_shop.patterns import PATTERNS


def build_ball(design: ProductDesign) -> Model:
    radius = 0.5
    paint: Painter | None = None
    if design.shape < 3:
        paint = (_football, _grooves, _segments)[design.shape]
    elif design.pattern in PATTERNS:
        paint = _globe(design.pattern)
    ink = "#1d1d1f" if design.shape == 1 else design.accent_colour
    body = Part(
        sphere(radius, (0.0, radius, 0.0)),
        design.base_colour,
        design.finish,
        _tilted(paint) if paint else None,
        ink,
    )
    return Model((body,), (View(25, 14), View(-60, 32, 1.0)))


def _tilted(paint: Painter) -> Painter:
    """Tilt a painter, because balls do not lie with a pole on top."""
    c, s = np.float32(np.cos(0.55)), np.float32(np.sin(0.55))

    def tilted(p: Array, n: Array) -> Array:
        x, y, z = p[0] * 2, p[1] * 2 - 1, p[2] * 2
        x, y = x * c + y * s, y * c - x * s
        return paint(np.stack([x, y * c + z * s, z * c - y * s]), n)

    return tilted


def _segments(p: Array, n: Array) -> Array:
    turnwise = np.arctan2(p[2], p[0]) * np.float32(6 / (2 * np.pi))
    off = np.abs(turnwise % 2 - 1) - np.float32(0.5)
    gore = np.clip(off * np.hypot(p[0], p[2]) * 40 + np.float32(0.5), 0, 1)
    cap = np.clip((np.abs(p[1]) - np.float32(0.955)) * 60, 0, 1)
    return np.maximum(gore, cap)


def _icosahedron() -> Array:
    g = (1 + 5**0.5) / 2
    points: list[tuple[float, float, float]] = [(0, a, b * g) for a in (1, -1) for b in (1, -1)]
    points += [(a, b * g, 0) for a in (1, -1) for b in (1, -1)]
    points += [(b * g, 0, a) for a in (1, -1) for b in (1, -1)]
    return np.array(points, dtype=np.float32) / np.float32(np.hypot(1, g))


VERTICES = _icosahedron()


def _football(p: Array, n: Array) -> Array:
    """Paint a truncated icosahedron: pentagons at the vertices, seams between the faces."""
    near = np.stack([v[0] * p[0] + v[1] * p[1] + v[2] * p[2] for v in VERTICES])
    order = np.sort(near, axis=0)
    first, second, third = order[-1], order[-2], order[-3]
    # Inside a pentagon the nearest vertex leads the next by a margin that is the same along its
    # straight edges.
    pentagon = np.clip((first - second - np.float32(0.352)) * 60, 0, 1)
    seam = np.clip((np.float32(0.022) - (first - second)) * 120, 0, 1) * (
        third < second - np.float32(0.0)
    )
    return np.maximum(pentagon, seam)


def _grooves(p: Array, n: Array) -> Array:
    line = np.minimum(np.abs(p[0]), np.abs(p[1]))
    arcs = np.abs(
        np.hypot(p[0], p[1] * np.float32(0.0) + p[2]) - np.float32(0.0) - np.float32(0.70)
    )
    side = np.abs(
        np.abs(p[2]) - (np.float32(0.55) - np.float32(0.35) * p[0] * p[0] + np.float32(0.0) * arcs)
    )
    return np.clip((np.float32(0.024) - np.minimum(line, side)) * 80, 0, 1)


def _globe(name: str) -> Painter:
    def paint(p: Array, n: Array) -> Array:
        u = np.arctan2(p[2], p[0]) * np.float32(12 / (2 * np.pi))
        v = np.arcsin(np.clip(p[1], -1, 1)) * np.float32(12 / (2 * np.pi))
        return PATTERNS[name](u, v)

    return paint


def build_car(design: ProductDesign) -> Model:
    if design.shape == 0:
        lower = box((0.66, 0.155, 0.30), 0.11, (0, 0.30, 0))
        cabin = blend(0.08, ellipsoid((0.44, 0.30, 0.27), (-0.06, 0.42, 0)), lower)
        window = clip_axis(
            ellipsoid((0.455, 0.270, 0.274), (-0.06, 0.425, 0)), 1, low=0.485, high=0.64
        )
        glass = cut(
            window,
            box((0.022, 1, 1), 0, (-0.08, 0.5, 0)),
            mirror(box((0.03, 1, 0.03), 0, (0.30, 0.5, 0.17)), 2),
        )
        body: Sdf = cabin
    elif design.shape == 1:
        body = box((0.68, 0.29, 0.30), 0.12, (0, 0.42, 0))
        window = clip_axis(box((0.69, 0.27, 0.307), 0.11, (0, 0.43, 0)), 1, 0.47, 0.63)
        glass = cut(
            window,
            mirror(box((0.02, 1, 1), 0, (0.19, 0.5, 0)), 0),
            mirror(box((0.08, 1, 0.08), 0, (0.64, 0.5, 0.26)), 0, 2),
        )
    else:
        lower = box((0.74, 0.11, 0.27), 0.09, (0, 0.24, 0))
        nose = ellipsoid((0.50, 0.15, 0.22), (0.20, 0.28, 0))
        body = blend(
            0.08,
            lower,
            nose,
            box((0.05, 0.03, 0.33), 0.02, (-0.66, 0.47, 0)),
            mirror(capsule((-0.64, 0.32, 0.2), (-0.66, 0.45, 0.2), 0.025), 2),
        )
        glass = clip_axis(ellipsoid((0.27, 0.25, 0.19), (-0.16, 0.32, 0)), 1, low=0.36)
    wheel_x, wheel_z, wheel_r = 0.40, 0.285, 0.155
    tyres = mirror(cylinder(wheel_r, 0.06, 0.03, (wheel_x, wheel_r, wheel_z), axis=2), 0, 2)
    hubs = mirror(
        cylinder(wheel_r * 0.55, 0.062, 0.02, (wheel_x, wheel_r, wheel_z + 0.008), axis=2), 0, 2
    )
    arches = mirror(
        cylinder(wheel_r + 0.035, 0.14, 0.02, (wheel_x, wheel_r, wheel_z + 0.06), axis=2), 0, 2
    )
    shell_ = lambda p: np.maximum(body(p), -arches(p))  # noqa: E731
    front_x = {0: 0.645, 1: 0.67, 2: 0.70}[design.shape]
    lights = mirror(ellipsoid((0.03, 0.055, 0.055), (front_x, 0.30, 0.17)), 2)
    bumpers = mirror(capsule((front_x + 0.0, 0.19, -0.2), (front_x + 0.0, 0.19, 0.2), 0.035), 0)
    stripe = (
        paint_band(0.30, 0.38)
        if design.pattern == "striped"
        else (_racing if design.pattern == "racing stripe" else None)
    )
    return Model(
        (
            Part(shell_, design.base_colour, design.finish, stripe, design.accent_colour),
            Part(glass, "#2a3a48", finishes.LACQUER),
            Part(tyres, "#222224", finishes.RUBBER),
            Part(hubs, design.accent_colour, finishes.LACQUER),
            Part(lights, "#fff0c0", finishes.LACQUER),
            Part(bumpers, "#c3c7cb", finishes.POLISHED),
        ),
        (View(36, 16), View(-46, 26, 1.0)),
    )


def _racing(p: Array, n: Array) -> Array:
    return np.clip((np.float32(0.028) - np.abs(np.abs(p[2]) - np.float32(0.055))) * 120, 0, 1) * (
        n[1] > -0.2
    )


def build_duck(design: ProductDesign) -> Model:
    body = ellipsoid((0.46, 0.30, 0.36), (-0.04, 0.28, 0))
    tail = capsule((-0.34, 0.34, 0), (-0.54, 0.56, 0), 0.15, 0.03)
    head = sphere(0.265, (0.20, 0.72, 0))
    wings = mirror(turn(ellipsoid((0.25, 0.145, 0.055), (-0.12, 0.32, 0.335)), 2, 8), 2)
    bill = blend(
        0.03,
        ellipsoid((0.13, 0.035, 0.12), (0.48, 0.69, 0)),
        ellipsoid((0.11, 0.028, 0.10), (0.46, 0.645, 0)),
    )
    whites = mirror(sphere(0.062, (0.385, 0.80, 0.125)), 2)
    pupils = mirror(sphere(0.038, (0.423, 0.808, 0.142)), 2)
    beak = "#ef7b1a" if design.colour not in {"orange", "red"} else "#f6c522"
    parts = [
        Part(
            blend(0.10, body, tail, head),
            design.base_colour,
            design.finish,
            _globe_spots(design),
            design.accent_colour,
        ),
        Part(wings, design.base_colour, design.finish),
        Part(bill, beak, finishes.PLASTIC),
        Part(whites, "#f6f6f4", finishes.LACQUER),
        Part(pupils, "#18181a", finishes.LACQUER),
    ]
    extra = (None, _sailor, _bow, _shades)[design.shape]
    if extra is not None:
        parts.append(Part(extra(), design.accent_colour, finishes.SATIN))
    return Model(tuple(parts), (View(48, 12), View(-20, 22, 1.02)))


def _globe_spots(design: ProductDesign) -> Painter | None:
    flanks = print_pattern(design.pattern, 0.17)
    return (lambda p, n: flanks(p, n) * (np.abs(n[2]) > 0.25) * (p[1] < 0.52)) if flanks else None


def _sailor() -> Sdf:
    cap = blend(
        0.04, cylinder(0.17, 0.05, 0.03, (0, 0, 0)), cylinder(0.24, 0.03, 0.03, (0, 0.07, 0))
    )
    return move(turn(cap, 2, 10), (0.16, 0.98, 0))


def _bow() -> Sdf:
    loops = mirror(turn(ellipsoid((0.05, 0.085, 0.12), (0, 0, 0.12)), 0, 0), 2)
    return move(blend(0.03, loops, sphere(0.05)), (0.40, 0.47, 0))


def _shades() -> Sdf:
    rims = mirror(turn(cylinder(0.115, 0.03, 0.02, (0, 0, 0.125), axis=0), 1, -8), 2)
    return move(blend(0.02, rims, capsule((0, 0.02, -0.1), (0, 0.02, 0.1), 0.02)), (0.475, 0.80, 0))
