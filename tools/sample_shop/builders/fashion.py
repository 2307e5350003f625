"""Build the models of T-shirts, hats and tote bags."""

from __future__ import annotations

import numpy as np

from tools.sample_shop import finishes
from tools.sample_shop.design import ProductDesign
from tools.sample_shop.distance_fields import (
    Array,
    Outline,
    lathe_solid,
    shell,
    smooth_curve,
    solid,
)
from tools.sample_shop.geometry import (
    Sdf,
    blend,
    clip_axis,
    ellipsoid,
    lathe,
    move,
    panel,
    sphere,
    torus,
    turn,
    union,
)
from tools.sample_shop.model import Model, Painter, Part, View, print_pattern
from tools.sample_shop.patterns import Floats

FLAT = (View(0, 78), View(24, 58, 1.04))

NECK = ((0.19, 0.90), (0.15, 0.81), (0.08, 0.765), (0.0, 0.75))
VEE = ((0.19, 0.90), (0.14, 0.80), (0.07, 0.69), (0.0, 0.61), (0.0, 0.61))
SLEEVES = (
    (
        (0.50, 0.82),
        (0.68, 0.66),
        (0.84, 0.46),
        (0.84, 0.46),
        (0.66, 0.30),
        (0.66, 0.30),
        (0.53, 0.46),
    ),
    (
        (0.50, 0.82),
        (0.68, 0.40),
        (0.84, -0.16),
        (0.84, -0.16),
        (0.68, -0.22),
        (0.68, -0.22),
        (0.53, 0.40),
    ),
)
SIDE = ((0.505, 0.30), (0.50, -0.20), (0.53, -0.62), (0.53, -0.62), (0.26, -0.645), (0.0, -0.65))


def build_tshirt(design: ProductDesign) -> Model:
    neck = smooth_curve(VEE if design.shape == 1 else NECK)
    half = smooth_curve([(0.19, 0.90), (0.19, 0.90), *SLEEVES[design.shape == 2], *SIDE])
    right = (*reversed(neck), *half[1:])
    outline = (*right, *((-x, y) for x, y in reversed(right[1:-1])))
    body = panel(solid(outline), 0.008, puff=0.10, fold=0.016)
    collar: Outline = (*neck, *((-x, y) for x, y in reversed(neck[:-1])))
    band = panel(shell(collar, 0.05), 0.022, fold=0.016)
    behind = smooth_curve(
        [(0.19, 0.90), (0.10, 0.875), (0.0, 0.868), (-0.10, 0.875), (-0.19, 0.90)]
    )
    back = panel(solid((*behind, *((-x, y) for x, y in collar))), 0.004)
    trim = (
        design.accent_colour
        if design.pattern not in {"plain"} or design.number % 3 == 0
        else design.base_colour
    )
    flat = (_lay(part) for part in (body, band, back))
    body, band, back = flat
    parts = (
        Part(body, design.base_colour, design.finish, _print(design), design.accent_colour),
        Part(band, trim, finishes.KNIT),
        Part(back, design.base_colour, finishes.CLOTH),
    )
    return Model(parts, FLAT)


def _lay(shape: Sdf) -> Sdf:
    """Turn an upright shape to lie on the floor, front up."""
    return turn(shape, 0, -90)


def _print(design: ProductDesign) -> Painter | None:
    """Return an all-over pattern, or one big motif on the chest."""
    motif = {"heart print": _heart, "sun print": _sun, "mountain print": _mountain}.get(
        design.pattern
    )
    if motif is not None:
        return lambda p, n: motif(p[0], -p[2] - np.float32(0.22))
    return print_pattern(design.pattern, 0.155, up=(2, -1))


def _ink(signed: Floats) -> Array:
    return np.clip(np.float32(0.5) - signed / np.float32(0.008), 0, 1)


def _heart(x: Array, y: Array) -> Array:
    x, y = np.abs(x) * np.float32(4.2), y * np.float32(4.2) + np.float32(0.15)
    lift = y - np.sqrt(np.maximum(x, 0) + np.float32(0.02)) * np.float32(0.75)
    return _ink((x * x + lift * lift - 1) * np.float32(0.09))


def _sun(x: Array, y: Array) -> Array:
    r, angle = np.hypot(x, y), np.arctan2(y, x)
    step = np.float32(np.pi / 6)
    off = np.abs(angle - np.round(angle / step) * step) * r
    rays = np.maximum(np.abs(r - np.float32(0.23)) - np.float32(0.05), off - np.float32(0.016))
    return _ink(np.minimum(r - np.float32(0.13), rays))


def _mountain(x: Array, y: Array) -> Array:
    r = np.hypot(x, y)
    disc = r - np.float32(0.27)
    near = y + np.float32(0.06) + np.abs(x - np.float32(0.07)) * np.float32(1.1) - np.float32(0.14)
    far = y + np.float32(0.06) + np.abs(x + np.float32(0.11)) * np.float32(1.0) - np.float32(0.06)
    peaks = np.minimum(near, far)
    ring = np.abs(disc) - np.float32(0.014)
    moon = np.hypot(x + np.float32(0.10), y - np.float32(0.12)) - np.float32(0.045)
    return _ink(np.minimum(np.minimum(np.maximum(peaks, disc), ring), moon))


def build_hat(design: ProductDesign) -> Model:
    return (_brimmed, _beanie, _cap, _bucket)[design.shape](design)


def _brimmed(design: ProductDesign) -> Model:
    crown = [(0.34, 0.06), (0.34, 0.06), (0.33, 0.20), (0.29, 0.37), (0.20, 0.43), (0.0, 0.41)]
    line = smooth_curve([(0.76, 0.05), (0.60, 0.02), (0.42, 0.03), *crown])
    felt = lathe(shell(line, 0.035))
    ribbon = lathe(shell(((0.352, 0.075), (0.345, 0.165)), 0.02))
    return Model(
        (
            Part(felt, design.base_colour, design.finish),
            Part(ribbon, design.accent_colour, finishes.CLOTH),
        ),
        (View(25, 20), View(-30, 42, 1.0)),
    )


def _beanie(design: ProductDesign) -> Model:
    dome = lathe(
        lathe_solid(
            smooth_curve(
                ((0.0, 0.02), (0.36, 0.02), (0.37, 0.12), (0.35, 0.40), (0.22, 0.60), (0.0, 0.66))
            ),
            0.02,
        ),
        28,
        0.007,
    )
    cuff = lathe(shell(((0.38, 0.06), (0.375, 0.22)), 0.07), 40, 0.006)
    pompom = lathe(
        lathe_solid(
            smooth_curve(((0.0, 0.62), (0.13, 0.66), (0.17, 0.78), (0.12, 0.90), (0.0, 0.94)))
        ),
        17,
        0.012,
        40,
    )
    return Model(
        (
            Part(
                dome,
                design.base_colour,
                finishes.KNIT,
                design.wrap_pattern(0.2, 0.36, 0.24, 0.58),
                design.accent_colour,
            ),
            Part(cuff, design.base_colour, finishes.KNIT),
            Part(pompom, design.accent_colour, finishes.KNIT),
        ),
        (View(25, 8), View(-30, 26, 1.02)),
    )


def _cap(design: ProductDesign) -> Model:
    dome = clip_axis(ellipsoid((0.42, 0.44, 0.46), (0, 0.05, 0)), 1, low=0.05)
    bill = clip_axis(ellipsoid((0.36, 0.10, 0.44), (0, 0.02, 0.46)), 1, low=0.055)
    brim = clip_axis(blend(0.04, bill, torus(0.40, 0.012, (0, 0.06, 0))), 1, low=0.04)
    button = sphere(0.035, (0, 0.49, 0))

    def seams(p: Array, n: Array) -> Array:
        angle = np.arctan2(p[2], p[0])
        step = np.float32(np.pi / 3)
        off = np.abs(angle - np.round((angle - step / 2) / step) * step - step / 2) * np.hypot(
            p[0], p[2]
        )
        front_panel = (p[2] > 0.05) & (np.abs(p[0]) < p[2] * np.float32(0.58))
        line = np.clip((np.float32(0.010) - off) * 200, 0, 1) * np.float32(0.6)
        return np.where(front_panel & (design.pattern != "plain"), np.float32(1), line).astype(
            np.float32
        )

    return Model(
        (
            Part(dome, design.base_colour, finishes.CLOTH, seams, design.accent_colour),
            Part(
                brim,
                design.accent_colour if design.number % 2 else design.base_colour,
                finishes.CLOTH,
            ),
            Part(button, design.accent_colour, finishes.CLOTH),
        ),
        (View(38, 16), View(-45, 26, 1.0)),
    )


def _bucket(design: ProductDesign) -> Model:
    line = smooth_curve(
        [
            (0.62, 0.03),
            (0.50, 0.14),
            (0.39, 0.22),
            (0.39, 0.22),
            (0.34, 0.38),
            (0.30, 0.52),
            (0.30, 0.52),
            (0.15, 0.535),
            (0.0, 0.54),
        ]
    )
    return Model(
        (
            Part(
                lathe(shell(line, 0.04)),
                design.base_colour,
                finishes.CLOTH,
                design.wrap_pattern(0.18, 0.4),
                design.accent_colour,
            ),
            Part(
                lathe(shell(((0.398, 0.225), (0.392, 0.245)), 0.022)),
                design.base_colour,
                finishes.CLOTH,
            ),
        ),
        (View(25, 18), View(-30, 38, 1.0)),
    )


def build_tote(design: ProductDesign) -> Model:
    half = [
        (0.0, 0.0),
        (0.40, 0.0),
        (0.46, 0.02),
        (0.48, 0.08),
        (0.50, 0.40),
        (0.52, 0.86),
        (0.52, 0.86),
        (0.26, 0.845),
        (0.0, 0.84),
    ]
    right = smooth_curve(half)
    bag = panel(
        solid((*right, *((-x, y) for x, y in reversed(right[1:-1])))), 0.05, puff=0.16, fold=0.010
    )
    hem = clip_axis(
        panel(shell(((-0.52, 0.83), (0.0, 0.81), (0.52, 0.83)), 0.07), 0.072), 0, -0.52, 0.52
    )
    long = (1.5, 1.05)[design.shape % 2]
    strap = shell(
        smooth_curve(
            [
                (0.24, 0.62),
                (0.235, 0.9),
                (0.17, 0.9 + 0.24 * long),
                (0.0, 0.9 + 0.31 * long),
                (-0.17, 0.9 + 0.24 * long),
                (-0.235, 0.9),
                (-0.24, 0.62),
            ]
        ),
        0.06,
    )
    loop = panel(strap, 0.010)
    straps = union(
        move(turn(loop, 0, 4), (0, 0, 0.10)),
        clip_axis(move(turn(loop, 0, -4), (0, 0, -0.10)), 1, low=0.80),
    )
    paint = print_pattern(design.pattern, 0.17) or _motif(design)
    trim = design.accent_colour if design.number % 2 else "#8a5a36"
    return Model(
        (
            Part(bag, design.base_colour, design.finish, paint, design.accent_colour),
            Part(hem, design.base_colour, design.finish),
            Part(straps, trim, finishes.LEATHER if not design.number % 2 else finishes.CLOTH),
        ),
        (View(22, 8), View(-34, 20, 1.02)),
        reach=1.5,
    )


def _motif(design: ProductDesign) -> Painter | None:
    motif = {"heart print": _heart, "sun print": _sun, "mountain print": _mountain}.get(
        design.pattern
    )
    return (lambda p, n: motif(p[0], p[1] - np.float32(0.42))) if motif else None
