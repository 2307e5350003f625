"""Build the models of vases, cushions, clocks and plants."""

from __future__ import annotations

import numpy as np

from tools.sample_shop import finishes
from tools.sample_shop.design import ProductDesign
from tools.sample_shop.distance_fields import Array, lathe_solid, shell, smooth_curve, solid
from tools.sample_shop.geometry import (
    Sdf,
    around,
    blend,
    box,
    capsule,
    clip_axis,
    cylinder,
    ellipsoid,
    lathe,
    mirror,
    move,
    panel,
    sphere,
    torus,
    tube,
    turn,
    union,
)
from tools.sample_shop.materials import WALNUT
from tools.sample_shop.model import Model, Painter, Part, View, print_pattern

VASES = (
    (
        (0.20, 0.03),
        (0.34, 0.20),
        (0.40, 0.48),
        (0.28, 0.82),
        (0.15, 1.00),
        (0.17, 1.14),
        (0.22, 1.20),
    ),
    (
        (0.16, 0.03),
        (0.24, 0.10),
        (0.36, 0.32),
        (0.34, 0.52),
        (0.12, 0.74),
        (0.085, 1.05),
        (0.12, 1.14),
    ),
    ((0.26, 0.03), (0.28, 0.08), (0.22, 0.50), (0.27, 0.95), (0.33, 1.12)),
    ((0.22, 0.03), (0.34, 0.10), (0.44, 0.40), (0.40, 0.66), (0.24, 0.82), (0.26, 0.90)),
)


def build_vase(design: ProductDesign) -> Model:
    side = smooth_curve(VASES[design.shape])
    wide, top = max(x for x, _ in side), side[-1][1]
    ribs = 16 if design.pattern == "ribbed" else 0
    wall = lathe(shell(((0, 0.03), *side), 0.05), ribs, 0.008, 5.0 if design.number % 2 else 0.0)
    parts = [
        Part(
            wall,
            design.base_colour,
            design.finish,
            design.wrap_pattern(0.19, wide, 0.08, top - 0.14),
            design.accent_colour,
        )
    ]
    if design.number % 3 == 0:
        parts += _stems(top, design)
    return Model(
        tuple(parts), (View(25, 11), View(-30, 33, 1.02)), reach=1.9 if len(parts) > 1 else 1.3
    )


def _stems(top: float, design: ProductDesign) -> list[Part]:
    """Return three tulips."""
    heads = [(-0.26, top + 0.42, 0.05), (0.05, top + 0.56, -0.08), (0.30, top + 0.34, 0.10)]
    stalks = [
        tube(
            [(x * 0.1, top - 0.5, 0), (x * 0.35, top + 0.02, z * 0.5), (x, y - 0.06, z)],
            [0.017, 0.016, 0.014],
        )
        for x, y, z in heads
    ]
    blooms = [
        blend(
            0.05, ellipsoid((0.085, 0.12, 0.085), (x, y + 0.02, z)), sphere(0.09, (x, y - 0.02, z))
        )
        for x, y, z in heads
    ]
    leaf = turn(ellipsoid((0.05, 0.26, 0.014), (0.02, 0.1, 0)), 2, -24)
    flower = "#f2b632" if design.colour in {"red", "pink", "purple", "orange"} else "#e4566e"
    return [
        Part(union(*stalks, move(leaf, (0.06, top + 0.08, 0.06))), "#4d8a3d", finishes.LEAF),
        Part(union(*blooms), flower, finishes.SATIN),
    ]


def build_cushion(design: ProductDesign) -> Model:
    tall = (0.62, 0.42, 0.0)[design.shape]
    if design.shape == 2:
        angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        outline = tuple((float(0.6 * np.cos(a)), float(0.6 * np.sin(a))) for a in angles)
    else:
        quarter = [
            (0.66, tall + 0.04),
            (0.30, tall),
            (0.0, tall - 0.01),
            (-0.30, tall),
            (-0.66, tall + 0.04),
            (-0.66, tall + 0.04),
        ]
        side = [(-0.62, tall * 0.4), (-0.61, 0.0), (-0.62, -tall * 0.4)]
        half = [*quarter, *side]
        outline = smooth_curve([*half, *[(-x, -y) for x, y in half], half[0]])[:-1]
    piping = (
        design.accent_colour
        if design.pattern != "plain" or design.number % 2
        else design.base_colour
    )
    lean = -14.0

    def tilted(shape: Sdf) -> Sdf:
        return turn(shape, 0, lean)

    parts = (
        Part(
            tilted(
                panel(
                    solid(outline), 0.012, puff=0.24, fold=0.012, dome=(0.66, (tall or 0.6) + 0.02)
                )
            ),
            design.base_colour,
            design.finish,
            print_pattern(design.pattern, 0.17),
            design.accent_colour,
        ),
        Part(tilted(panel(shell((*outline, outline[0]), 0.03), 0.012)), piping, finishes.CLOTH),
    )
    return Model(parts, (View(24, 12), View(-34, 24, 1.06)))


def build_clock(design: ProductDesign) -> Model:
    case, dial_at, extras = (_alarm_case, _mantel_case, _wall_case)[design.shape](design)
    pale = design.colour in {"white", "cream"}
    face, ink = (
        (design.base_colour, design.accent_colour)
        if design.number % 3 == 0 and not pale
        else ("#f6f3ea", "#25262b")
    )
    dial = cylinder(DIAL, 0.012, 0.004, (0, MIDDLE, dial_at), axis=2)
    rim = torus(DIAL + 0.015, 0.024, (0, MIDDLE, dial_at + 0.005), axis=2)
    parts = (
        Part(case, design.base_colour, design.finish),
        Part(dial, face, finishes.SATIN, _dial(MIDDLE, DIAL, design.number), ink),
        Part(
            rim,
            design.accent_colour if design.shape else "#c3c7cb",
            finishes.POLISHED if design.shape == 0 else finishes.SATIN,
        ),
        *extras,
    )
    return Model(parts, (View(24, 8), View(-36, 16, 1.05)))


MIDDLE, DIAL = 0.60, 0.345
"""Builders: Height of a clock's centre and radius of its dial."""


def _alarm_case(design: ProductDesign) -> tuple[Sdf, float, list[Part]]:
    bright = "#d9a441" if design.number % 2 else "#c3c7cb"
    legs = mirror(capsule((0.26, 0.24, 0), (0.36, 0.02, 0), 0.035, 0.045), 0)
    domes = mirror(
        move(turn(clip_axis(sphere(0.185), 1, low=0.0), 2, -34), (0.30, MIDDLE + 0.43, 0)), 0
    )
    ring = clip_axis(
        torus(0.20, 0.022, (0, MIDDLE + 0.50, 0), axis=2, stretch=0.9), 1, low=MIDDLE + 0.52
    )
    hammer = cylinder(0.02, 0.12, 0.01, (0, MIDDLE + 0.5, 0))
    extras = [
        Part(union(legs, ring, hammer), "#c3c7cb", finishes.POLISHED),
        Part(domes, bright, finishes.POLISHED),
    ]
    return cylinder(0.46, 0.13, 0.05, (0, MIDDLE, 0), axis=2), 0.13, extras


def _mantel_case(design: ProductDesign) -> tuple[Sdf, float, list[Part]]:
    feet = mirror(box((0.06, 0.05, 0.1), 0.02, (0.34, 0.09, 0)), 0)
    return (
        box((0.52, 0.50, 0.15), 0.12, (0, MIDDLE, 0)),
        0.15,
        [Part(feet, WALNUT, finishes.WOOD, along=0)],
    )


def _wall_case(design: ProductDesign) -> tuple[Sdf, float, list[Part]]:
    return cylinder(0.50, 0.08, 0.05, (0, MIDDLE, 0), axis=2), 0.08, []


def _dial(y: float, radius: float, number: int) -> Painter:
    """Paint hour marks and two hands at about ten past ten."""
    hour, minute = np.radians(90 - (305 + number % 5 * 3)), np.radians(90 - (60 + number % 7 * 4))

    def paint(p: Array, n: Array) -> Array:
        x, h = p[0], p[1] - np.float32(y)
        r, angle = np.hypot(x, h), np.arctan2(h, x)
        step = np.float32(np.pi / 6)
        off = np.abs(angle - np.round(angle / step) * step) * r
        quarter = np.abs(np.round(angle / step)) % 3 == 0
        marks = np.maximum(
            np.abs(r - np.float32(radius * 0.86)) - np.where(quarter, 0.05, 0.028),
            off - np.where(quarter, 0.016, 0.010),
        )
        ink = marks
        for turn_, length, wide in ((hour, 0.5, 0.019), (minute, 0.74, 0.013)):
            c, s = np.float32(np.cos(turn_)), np.float32(np.sin(turn_))
            along, across = x * c + h * s, np.abs(h * c - x * s)
            ink = np.minimum(
                ink,
                np.maximum(
                    np.abs(along - np.float32(radius * (length - 0.1) / 2))
                    - np.float32(radius * (length + 0.1) / 2),
                    across - np.float32(wide),
                ),
            )
        ink = np.minimum(ink, r - np.float32(0.03))
        return np.clip(np.float32(0.5) - ink / np.float32(0.006), 0, 1).astype(np.float32)

    return paint


POT_SIDES = (
    ((0.26, 0.03), (0.30, 0.2), (0.36, 0.5)),
    ((0.24, 0.03), (0.38, 0.16), (0.40, 0.36), (0.34, 0.5)),
    ((0.34, 0.03), (0.36, 0.08), (0.36, 0.48)),
)


def build_plant(design: ProductDesign) -> Model:
    side = smooth_curve(POT_SIDES[design.number % 3])
    rim = side[-1][0]
    pot = lathe(shell(((0, 0.03), *side), 0.055))
    soil = cylinder(rim - 0.03, 0.02, 0.01, (0, 0.44, 0))
    green = (_cactus, _sword_leaves, _rosette)[design.shape]()
    return Model(
        (
            Part(
                pot,
                design.base_colour,
                design.finish,
                design.wrap_pattern(0.17, 0.36, 0.06, 0.45),
                design.accent_colour,
            ),
            Part(soil, "#4a3527", finishes.CLAY),
            *green,
        ),
        (View(25, 14), View(-30, 34, 1.02)),
        reach=1.5,
    )


def _cactus() -> tuple[Part, ...]:
    column = smooth_curve(((0.0, 0.40), (0.17, 0.42), (0.19, 0.8), (0.15, 1.10), (0.0, 1.18)))
    trunk = lathe(lathe_solid(column), 11, 0.014)
    arms = blend(
        0.05,
        tube([(0.14, 0.72, 0), (0.32, 0.76, 0), (0.34, 0.98, 0)], [0.08, 0.085, 0.075]),
        tube([(-0.14, 0.62, 0), (-0.29, 0.66, 0), (-0.30, 0.84, 0)], [0.07, 0.075, 0.065]),
    )
    return Part(blend(0.06, trunk, arms), "#4f8f4a", finishes.LEAF), Part(
        ellipsoid((0.075, 0.06, 0.075), (0, 1.21, 0)), "#ea5f8a", finishes.SATIN
    )


def _sword_leaves() -> tuple[Part, ...]:
    def leaf(lean: float, tall: float, away: float) -> Sdf:
        blade = ellipsoid((0.022, tall, 0.085), (0, tall * 0.9, 0))
        return move(turn(blade, 2, -lean), (away, 0.42, 0))

    outer, inner = around(leaf(18, 0.36, 0.10), 7), turn(around(leaf(7, 0.48, 0.04), 4), 1, 20)

    def vein(p: Array, n: Array) -> Array:
        return np.clip(
            np.sin(p[1] * 42 + np.sin(p[0] * 40) * 1.2) * 2 - np.float32(0.7), 0, 1
        ) * np.float32(0.6)

    return (Part(union(outer, inner), "#3f8550", finishes.LEAF, vein, "#b9cf86"),)


def _rosette() -> tuple[Part, ...]:
    def ring(count: int, lean: float, long: float, lift: float, spin: float) -> Sdf:
        leaf = turn(ellipsoid((long, 0.035, 0.085), (long * 0.95, 0, 0)), 2, lean)
        return turn(around(move(leaf, (0.0, lift, 0)), count), 1, spin)

    leaves = union(
        ring(8, 8, 0.23, 0.50, 0), ring(7, 32, 0.20, 0.52, 24), ring(5, 58, 0.15, 0.54, 10)
    )

    def tips(p: Array, n: Array) -> Array:
        return np.clip((np.hypot(p[0], p[2]) - np.float32(0.24)) * 5, 0, 1) * np.float32(0.8)

    return (Part(leaves, "#7fb08e", finishes.LEAF, tips, "#d98b95"),)
