"""Build the models of mugs, teapots, kettles, bowls and bottles."""

from __future__ import annotations

from tools.sample_shop import finishes
from tools.sample_shop.design import ProductDesign
from tools.sample_shop.distance_fields import lathe_solid, shell, smooth_curve
from tools.sample_shop.geometry import (
    blend,
    capsule,
    clip_axis,
    cylinder,
    lathe,
    sphere,
    torus,
    tube,
)
from tools.sample_shop.materials import BEECH, OAK
from tools.sample_shop.model import Model, Part, View

TABLEWARE = (View(30, 16), View(-28, 40, 1.05))

MUGS = (
    ((0.34, 0.04), (0.38, 0.10), (0.39, 0.5), (0.395, 0.88)),
    ((0.27, 0.03), (0.37, 0.16), (0.43, 0.42), (0.38, 0.72), (0.36, 0.82)),
    ((0.24, 0.03), (0.29, 0.10), (0.37, 0.55), (0.43, 0.92)),
    ((0.29, 0.03), (0.31, 0.10), (0.33, 0.6), (0.35, 1.12)),
)


def build_mug(design: ProductDesign) -> Model:
    side = smooth_curve(MUGS[design.shape])
    inside = tuple((x - 0.032, y) for x, y in side if 0.1 < y < side[-1][1] - 0.015)
    wall = lathe(shell(((0, 0.03), (side[0][0] - 0.06, 0.03), *side), 0.046))
    lining = lathe(shell(((0, 0.055), (inside[0][0] - 0.04, 0.055), *inside), 0.024))
    top, reach = side[-1][1], max(x for x, _ in side)
    loop = torus(
        0.20,
        0.047,
        (reach + 0.02, top * 0.52, 0),
        axis=2,
        stretch=1.15 + 0.15 * (design.shape == 3),
    )
    handle = clip_axis(loop, 0, reach - 0.06)
    bare = "#f3efe6" if design.colour != "white" else design.accent_colour
    return Model(
        (
            Part(
                wall,
                design.base_colour,
                design.finish,
                design.wrap_pattern(0.17, reach, 0.12, top - 0.1),
                design.accent_colour,
            ),
            Part(handle, design.base_colour, design.finish),
            Part(lining, bare, finishes.GLAZED),
        ),
        TABLEWARE,
    )


POTS = (
    (
        (0.0, 0.0),
        (0.26, 0.0),
        (0.26, 0.0),
        (0.46, 0.18),
        (0.50, 0.36),
        (0.38, 0.60),
        (0.20, 0.70),
        (0.0, 0.71),
    ),
    (
        (0.0, 0.0),
        (0.36, 0.0),
        (0.36, 0.0),
        (0.45, 0.08),
        (0.42, 0.40),
        (0.30, 0.68),
        (0.20, 0.76),
        (0.0, 0.77),
    ),
    (
        (0.0, 0.0),
        (0.30, 0.0),
        (0.30, 0.0),
        (0.50, 0.12),
        (0.54, 0.26),
        (0.42, 0.45),
        (0.22, 0.53),
        (0.0, 0.54),
    ),
)


def build_teapot(design: ProductDesign) -> Model:
    outline = smooth_curve(POTS[design.shape])
    top, wide = outline[-1][1], max(x for x, _ in outline)
    belly = lathe(lathe_solid(outline, 0.01))
    spout = tube(
        [
            (wide - 0.12, top * 0.34, 0),
            (wide + 0.10, top * 0.48, 0),
            (wide + 0.20, top * 0.78, 0),
            (wide + 0.32, top * 0.98, 0),
        ],
        [0.13, 0.085, 0.06, 0.05],
    )
    lid = lathe(
        lathe_solid(
            smooth_curve(
                (
                    (0.0, top - 0.04),
                    (0.22, top - 0.04),
                    (0.22, top - 0.01),
                    (0.12, top + 0.05),
                    (0.0, top + 0.07),
                )
            ),
            0.012,
        )
    )
    knob = sphere(0.062, (0, top + 0.13, 0))
    handle = clip_axis(
        torus(0.21, 0.042, (-wide + 0.02, top * 0.55, 0), axis=2, stretch=1.2), 0, high=-wide * 0.72
    )
    trim = design.accent_colour if design.pattern != "plain" else design.base_colour
    return Model(
        (
            Part(
                blend(0.08, belly, spout),
                design.base_colour,
                design.finish,
                design.wrap_pattern(0.17, wide, 0.08, top - 0.1),
                design.accent_colour,
            ),
            Part(blend(0.04, lid, knob), trim, design.finish),
            Part(handle, trim, design.finish),
        ),
        (View(12, 15), View(-38, 36, 1.02)),
    )


KETTLES = (
    ((0.0, 0.0), (0.48, 0.0), (0.48, 0.0), (0.50, 0.06), (0.42, 0.36), (0.26, 0.55), (0.0, 0.57)),
    ((0.0, 0.0), (0.40, 0.0), (0.40, 0.0), (0.50, 0.14), (0.48, 0.34), (0.26, 0.54), (0.0, 0.57)),
)


def build_kettle(design: ProductDesign) -> Model:
    outline = smooth_curve(KETTLES[design.shape])
    belly = lathe(lathe_solid(outline, 0.012))
    spout = capsule((0.36, 0.30, 0), (0.66, 0.56, 0), 0.10, 0.06)
    lid = lathe(
        lathe_solid(
            smooth_curve(((0.0, 0.52), (0.23, 0.52), (0.23, 0.55), (0.10, 0.60), (0.0, 0.61))),
            0.012,
        )
    )
    bail = clip_axis(torus(0.34, 0.028, (0, 0.50, 0), axis=2, stretch=1.25), 1, low=0.40)
    grip = clip_axis(torus(0.34, 0.052, (0, 0.50, 0), axis=2, stretch=1.25), 1, low=0.83)
    dark = "#26262a"
    return Model(
        (
            Part(
                blend(0.07, belly, spout),
                design.base_colour,
                design.finish,
                design.wrap_pattern(0.2, 0.46, 0.05, 0.42),
                design.accent_colour,
            ),
            Part(lid, design.base_colour, design.finish),
            Part(sphere(0.055, (0, 0.66, 0)), dark, finishes.SATIN),
            Part(bail, "#c3c7cb", finishes.STEEL, along=2),
            Part(
                grip,
                OAK if design.number % 2 else dark,
                finishes.WOOD if design.number % 2 else finishes.SATIN,
                along=0,
            ),
            Part(sphere(0.085, (0.69, 0.585, 0)), dark, finishes.SATIN),
        ),
        (View(14, 14), View(-40, 34, 1.02)),
    )


BOWLS = (
    ((0.20, 0.05), (0.42, 0.12), (0.60, 0.32), (0.66, 0.50)),
    ((0.24, 0.04), (0.52, 0.10), (0.62, 0.24), (0.64, 0.44)),
    ((0.16, 0.07), (0.32, 0.16), (0.52, 0.42), (0.70, 0.56)),
)


def build_bowl(design: ProductDesign) -> Model:
    side = smooth_curve(BOWLS[design.shape])
    foot = side[0][0]
    outer = lathe(shell(((0, side[0][1]), *side), 0.044))
    ring = lathe(shell(((foot - 0.01, 0.015), (foot - 0.01, side[0][1])), 0.035))
    inside = tuple((x - 0.028, y + 0.016) for x, y in side if y < side[-1][1] - 0.03)
    lining = lathe(shell(((0, side[0][1] + 0.026), *inside), 0.02))
    bare = (
        design.accent_colour if design.pattern == "plain" and design.number % 3 == 0 else "#f3efe6"
    )
    if design.colour == "white":
        bare = design.accent_colour
    return Model(
        (
            Part(
                outer,
                design.base_colour,
                design.finish,
                design.wrap_pattern(0.17, 0.6, 0.06, side[-1][1] - 0.04),
                design.accent_colour,
            ),
            Part(ring, design.base_colour, design.finish),
            Part(lining, bare, finishes.GLAZED),
        ),
        (View(25, 20), View(-15, 50, 1.0)),
    )


BOTTLES = (
    (
        (0.0, 0.0),
        (0.22, 0.0),
        (0.22, 0.0),
        (0.25, 0.05),
        (0.25, 0.80),
        (0.22, 0.92),
        (0.13, 1.02),
        (0.13, 1.10),
        (0.0, 1.10),
    ),
    (
        (0.0, 0.0),
        (0.19, 0.0),
        (0.19, 0.0),
        (0.23, 0.06),
        (0.23, 0.60),
        (0.16, 0.84),
        (0.11, 1.05),
        (0.11, 1.14),
        (0.0, 1.14),
    ),
    (
        (0.0, 0.0),
        (0.25, 0.0),
        (0.25, 0.0),
        (0.28, 0.06),
        (0.28, 0.78),
        (0.26, 0.84),
        (0.20, 0.87),
        (0.20, 0.90),
        (0.0, 0.90),
    ),
)


def build_bottle(design: ProductDesign) -> Model:
    outline = smooth_curve(BOTTLES[design.shape])
    top, wide = outline[-1][1], max(x for x, _ in outline)
    neck = 0.15 if design.shape < 2 else 0.22
    cap = cylinder(neck, 0.075, 0.025, (0, top + 0.055, 0))
    loop = clip_axis(torus(0.10, 0.024, (0, top + 0.13, 0), axis=2), 1, low=top + 0.12)
    wooden = design.number % 2 == 0
    trim, material = (BEECH, finishes.WOOD) if wooden else ("#2a2b2e", finishes.SATIN)
    return Model(
        (
            Part(
                lathe(lathe_solid(outline, 0.012)),
                design.base_colour,
                design.finish,
                design.wrap_pattern(0.15, wide, 0.1, top * 0.7),
                design.accent_colour,
            ),
            Part(cap, trim, material, along=0),
            Part(loop, trim, material, along=0),
            Part(cylinder(wide * 0.86, 0.012, 0.01, (0, 0.0, 0)), "#b9bcc0", finishes.STEEL),
        ),
        (View(28, 12), View(-35, 36, 1.02)),
        reach=1.45,
    )
