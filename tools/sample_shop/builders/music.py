"""Build the models of bells, drums and xylophones."""

from __future__ import annotations

import numpy as np

from tools.sample_shop import finishes
from tools.sample_shop.design import ProductDesign
from tools.sample_shop.distance_fields import Array, lathe_solid, shell, smooth_curve
from tools.sample_shop.geometry import (
    Sdf,
    box,
    capsule,
    clip_axis,
    cylinder,
    ellipsoid,
    lathe,
    mirror,
    move,
    sphere,
    torus,
    turn,
    union,
)
from tools.sample_shop.materials import BEECH, OAK, WALNUT
from tools.sample_shop.model import Model, Painter, Part, View

BELL = (
    (0.46, 0.03),
    (0.42, 0.08),
    (0.34, 0.22),
    (0.29, 0.42),
    (0.24, 0.56),
    (0.12, 0.64),
    (0.0, 0.66),
)


def build_bell(design: ProductDesign) -> Model:
    if design.shape == 1:
        dome = clip_axis(ellipsoid((0.46, 0.40, 0.46), (0, 0.13, 0)), 1, low=0.13)
        base = lathe(
            lathe_solid(
                smooth_curve(
                    ((0.0, 0.0), (0.52, 0.0), (0.52, 0.0), (0.52, 0.05), (0.44, 0.10), (0.0, 0.10))
                ),
                0.01,
            )
        )
        return Model(
            (
                Part(dome, design.base_colour, design.finish),
                Part(
                    base,
                    WALNUT if design.number % 2 else "#26262a",
                    finishes.WOOD if design.number % 2 else finishes.SATIN,
                ),
                Part(
                    union(
                        cylinder(0.03, 0.06, 0.01, (0, 0.56, 0)),
                        cylinder(0.075, 0.022, 0.02, (0, 0.62, 0)),
                    ),
                    "#c3c7cb",
                    finishes.POLISHED,
                ),
            ),
            (View(25, 14), View(-30, 34)),
        )
    wall = lathe(shell(smooth_curve(BELL), 0.035))
    bands = union(torus(0.435, 0.014, (0, 0.075, 0)), torus(0.315, 0.012, (0, 0.33, 0)))
    clapper = sphere(0.075, (0, 0.05, 0))
    if design.shape == 0:
        grip = lathe(
            lathe_solid(
                smooth_curve(
                    (
                        (0.0, 0.64),
                        (0.07, 0.66),
                        (0.06, 0.76),
                        (0.10, 0.92),
                        (0.085, 1.10),
                        (0.05, 1.16),
                        (0.09, 1.24),
                        (0.0, 1.30),
                    )
                )
            )
        )
        handle = Part(
            grip,
            (OAK, WALNUT, "#26262a")[design.number % 3],
            finishes.WOOD if design.number % 3 < 2 else finishes.LACQUER,
        )
    else:
        handle = Part(
            union(
                torus(0.11, 0.032, (0, 0.76, 0), axis=2),
                mirror(torus(0.17, 0.05, (0.19, 0.80, 0.0), axis=2), 0),
            ),
            design.accent_colour,
            finishes.CLOTH,
        )
    return Model(
        (
            Part(wall, design.base_colour, design.finish),
            Part(bands, design.base_colour, design.finish),
            Part(clapper, "#8f8a80", finishes.STEEL),
            handle,
        ),
        (View(25, 6), View(-30, 28, 1.02)),
    )


def build_drum(design: ProductDesign) -> Model:
    if design.shape == 1:
        goblet = lathe(
            lathe_solid(
                smooth_curve(
                    (
                        (0.0, 0.0),
                        (0.26, 0.0),
                        (0.26, 0.0),
                        (0.15, 0.30),
                        (0.14, 0.42),
                        (0.34, 0.72),
                        (0.38, 0.98),
                        (0.0, 0.98),
                    )
                ),
                0.01,
            )
        )
        ropes = wave_band(0.74, 0.96, 9)
        return Model(
            (
                Part(
                    goblet,
                    design.base_colour,
                    design.finish,
                    design.wrap_pattern(0.15, 0.3, 0.04, 0.26)
                    if design.pattern != "plain"
                    else None,
                    design.accent_colour,
                ),
                Part(cylinder(0.385, 0.02, 0.015, (0, 0.99, 0)), "#f0e6d0", finishes.SKIN),
                Part(torus(0.395, 0.022, (0, 0.95, 0)), design.accent_colour, finishes.CLOTH),
                Part(
                    lathe(shell(((0.365, 0.76), (0.39, 0.93)), 0.006)),
                    design.base_colour,
                    design.finish,
                    ropes,
                    design.accent_colour,
                ),
            ),
            (View(25, 12), View(-30, 36, 1.02)),
        )
    tall = 0.50 if design.shape == 0 else 0.80
    body = cylinder(0.46, tall / 2, 0.01, (0, tall / 2 + 0.02, 0))
    hoops = union(
        lathe(shell(((0.475, tall - 0.05), (0.475, tall + 0.05)), 0.04)),
        lathe(shell(((0.475, 0.03), (0.475, 0.11)), 0.04)),
    )
    skin = cylinder(0.45, 0.012, 0.01, (0, tall + 0.022, 0))
    sticks = union(
        stick((-0.30, tall + 0.06, 0.36), (0.34, tall + 0.085, -0.16)),
        stick((0.10, tall + 0.06, 0.44), (0.02, tall + 0.13, -0.36)),
    )
    lacing = wave_band(0.11, tall - 0.05, 8)
    return Model(
        (
            Part(body, design.base_colour, design.finish, lacing, design.accent_colour),
            Part(hoops, design.accent_colour, finishes.LACQUER),
            Part(skin, "#f4ecdb", finishes.SKIN),
            Part(sticks, BEECH, finishes.WOOD),
        ),
        (View(24, 20), View(-34, 42, 1.0)),
    )


def stick(start: tuple[float, float, float], end: tuple[float, float, float]) -> Sdf:
    return union(capsule(start, end, 0.022, 0.017), sphere(0.042, end))


def wave_band(low: float, high: float, count: int) -> Painter:
    """Return a painter of one zigzag cord between two hoops."""

    def paint(p: Array, n: Array) -> Array:
        turnwise = np.arctan2(p[2], p[0]) * np.float32(count / (2 * np.pi))
        saw = np.abs(turnwise - np.floor(turnwise) - np.float32(0.5)) * 2
        height = np.float32(low) + saw * np.float32(high - low)
        off = np.abs(p[1] - height) * np.float32(0.5)
        inside = (p[1] > low - 0.01) & (p[1] < high + 0.01)
        return np.clip((np.float32(0.022) - off) * 120, 0, 1) * inside

    return paint


RAINBOW = ("#d6242f", "#ef7b1a", "#f6c522", "#3a9a4a", "#17a5a8", "#2463c9", "#6a3ea5", "#e0559a")


def build_xylophone(design: ProductDesign) -> Model:
    pitch, count = 0.185, 8

    def bars(p: Array) -> Array:
        k = np.clip(np.round(p[0] * np.float32(1 / pitch) + np.float32(3.5)), 0, count - 1)
        x = np.abs(p[0] - (k - np.float32(3.5)) * np.float32(pitch)) - np.float32(0.060)
        z = np.abs(p[2]) - (np.float32(0.47) - k * np.float32(0.032))
        y = np.abs(p[1] - np.float32(0.20)) - np.float32(0.012)
        outer = np.sqrt(np.maximum(x, 0) ** 2 + np.maximum(y, 0) ** 2 + np.maximum(z, 0) ** 2)
        return (
            outer + np.minimum(np.maximum(np.maximum(x, y), z), 0) - np.float32(0.018)
        ) * np.float32(0.95)

    def alternate(p: Array, n: Array) -> Array:
        return (np.round(p[0] * np.float32(1 / pitch) + np.float32(3.5)) % 2).astype(np.float32)

    rails = union(
        *(
            turn(box((0.80, 0.06, 0.04), 0.02, (0, 0.11, side * 0.235)), 1, side * 4.5)
            for side in (1, -1)
        )
    )
    ends = union(
        box((0.035, 0.09, 0.36), 0.02, (-0.74, 0.095, 0)),
        box((0.035, 0.09, 0.24), 0.02, (0.74, 0.095, 0)),
    )
    beater = union(
        capsule((-0.55, 0.26, 0.52), (0.30, 0.28, 0.12), 0.016), sphere(0.062, (0.30, 0.28, 0.12))
    )
    beater = move(beater, (0.05, 0.0, 0.02))
    frame = (OAK, WALNUT, BEECH)[design.number % 3]
    rainbow = design.pattern == "rainbow"
    keys = [
        Part(
            bars,
            design.base_colour,
            design.finish,
            alternate if design.pattern != "plain" else None,
            design.accent_colour,
        )
    ]
    if rainbow:
        keys = [
            Part(clip_axis(bars, 0, (k - 4) * pitch, (k - 3) * pitch), code, finishes.LACQUER)
            for k, code in enumerate(RAINBOW)
        ]
    return Model(
        (
            *keys,
            Part(
                union(rails, ends),
                design.base_colour if rainbow else frame,
                finishes.LACQUER if rainbow else finishes.WOOD,
                along=0,
            ),
            Part(lambda p: _pegs(p, pitch), "#d8d8d8", finishes.POLISHED),
            Part(beater, design.accent_colour if not rainbow else "#d6242f", finishes.PLASTIC),
        ),
        (View(22, 30), View(-30, 48, 1.0)),
    )


def _pegs(p: Array, pitch: float) -> Array:
    k = np.clip(np.round(p[0] * np.float32(1 / pitch) + np.float32(3.5)), 0, 7)
    x = p[0] - (k - np.float32(3.5)) * np.float32(pitch)
    z = np.abs(p[2]) - (np.float32(0.235) - (p[0]) * np.float32(0.079))
    y = (p[1] - np.float32(0.235)) * np.float32(1.6)
    return (np.sqrt(x * x + y * y + z * z) - np.float32(0.024)) * np.float32(0.6)
