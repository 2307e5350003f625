"""Build the models of lamps and candles."""

from __future__ import annotations

from tools.sample_shop import finishes
from tools.sample_shop.design import ProductDesign
from tools.sample_shop.distance_fields import lathe_solid, shell, smooth_curve
from tools.sample_shop.geometry import (
    blend,
    capsule,
    cylinder,
    ellipsoid,
    lathe,
    move,
    sphere,
    torus,
    union,
)
from tools.sample_shop.materials import OAK
from tools.sample_shop.model import Model, Part, View


def build_lamp(design: ProductDesign) -> Model:
    wide, narrow, low, high = (
        (0.46, 0.30, 0.72, 1.14),
        (0.40, 0.40, 0.74, 1.12),
        (0.48, 0.16, 0.70, 1.08),
    )[design.shape]
    shade = lathe(
        shell(
            smooth_curve(
                ((wide, low), (wide * 0.5 + narrow * 0.5, low * 0.5 + high * 0.5), (narrow, high))
            ),
            0.022,
        )
    )
    rim = union(torus(wide, 0.016, (0, low, 0)), torus(narrow, 0.016, (0, high, 0)))
    foot = (
        lathe(
            lathe_solid(
                smooth_curve(
                    (
                        (0.0, 0.0),
                        (0.22, 0.0),
                        (0.22, 0.0),
                        (0.24, 0.05),
                        (0.17, 0.30),
                        (0.05, 0.48),
                        (0.04, 0.62),
                        (0.0, 0.62),
                    )
                ),
                0.01,
            )
        ),
        blend(
            0.05,
            sphere(0.23, (0, 0.24, 0)),
            cylinder(0.13, 0.02, 0.01, (0, 0.02, 0)),
            cylinder(0.035, 0.12, 0.01, (0, 0.54, 0)),
        ),
        union(
            cylinder(0.25, 0.025, 0.012, (0, 0.025, 0)), cylinder(0.028, 0.35, 0.01, (0, 0.36, 0))
        ),
    )[design.shape]
    stand = (
        Part(foot, OAK, finishes.WOOD),
        Part(foot, "#efeae0", finishes.GLAZED),
        Part(foot, "#c9a05c", finishes.POLISHED),
    )[design.number % 3]
    return Model(
        (
            Part(
                shade,
                design.base_colour,
                design.finish,
                design.wrap_pattern(0.2, wide, low + 0.03, high - 0.03),
                design.accent_colour,
            ),
            Part(rim, design.base_colour, finishes.CLOTH),
            stand,
            Part(
                union(
                    cylinder(0.025, 0.1, 0.01, (0, 0.70, 0)),
                    ellipsoid((0.085, 0.11, 0.085), (0, 0.86, 0)),
                ),
                "#fff1cf",
                finishes.BULB,
            ),
        ),
        (View(25, 8), View(-30, -4, 1.02))
        if design.shape == 2
        else (View(25, 8), View(-35, 28, 1.02)),
    )


def build_candle(design: ProductDesign) -> Model:
    flame = blend(
        0.05,
        ellipsoid((0.045, 0.10, 0.045), (0, 0, 0)),
        ellipsoid((0.018, 0.12, 0.018), (0, 0.09, 0)),
    )
    if design.shape == 0:
        height, radius = 0.62, 0.33
        wall = lathe(
            shell(
                (
                    (0, 0.03),
                    *smooth_curve([(0.28, 0.03), (0.33, 0.07), (0.335, 0.4), (0.33, 0.72)]),
                ),
                0.045,
            )
        )
        wax = cylinder(0.30, 0.27, 0.02, (0, 0.33, 0))
        body = [
            Part(
                wall,
                design.base_colour,
                finishes.GLAZED,
                design.wrap_pattern(0.16, 0.33, 0.1, 0.62),
                design.accent_colour,
            ),
            Part(wax, "#f4ead6", finishes.WAX),
        ]
    elif design.shape == 1:
        height, radius = 0.86, 0.26
        body = [
            Part(
                cylinder(radius, 0.40, 0.03, (0, 0.44, 0)),
                design.base_colour,
                design.finish,
                design.wrap_pattern(0.15, radius, 0.1, 0.8),
                design.accent_colour,
            )
        ]
        body.append(
            Part(
                lathe(shell(((0, 0.02), (0.36, 0.02), (0.42, 0.06)), 0.035)),
                "#c9a05c",
                finishes.POLISHED,
            )
        )
    else:
        height, radius = 1.0, 0.08
        body = [
            Part(
                lathe(lathe_solid(((0.0, 0.3), (0.085, 0.3), (0.07, 1.0), (0.0, 1.01)))),
                design.base_colour,
                design.finish,
                design.wrap_pattern(0.12, 0.08, 0.4, 0.95),
                design.accent_colour,
            ),
            Part(
                lathe(
                    lathe_solid(
                        smooth_curve(
                            (
                                (0.0, 0.0),
                                (0.28, 0.0),
                                (0.28, 0.03),
                                (0.10, 0.07),
                                (0.06, 0.2),
                                (0.12, 0.33),
                                (0.0, 0.33),
                            )
                        ),
                        0.012,
                    )
                ),
                "#c9a05c",
                finishes.POLISHED,
            ),
        ]
    wick = capsule((0, height - 0.06, 0), (0.01, height + 0.05, 0), 0.012)
    return Model(
        (
            *body,
            Part(wick, "#2a2320", finishes.CLOTH),
            Part(move(flame, (0.005, height + 0.13, 0)), "#ffb13d", finishes.BULB),
        ),
        (View(25, 14), View(-30, 30, 1.04)),
    )
