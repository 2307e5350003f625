"""Build the models of chairs, stools, tables and sofas."""

from __future__ import annotations

from tools.sample_shop import finishes
from tools.sample_shop.design import ProductDesign
from tools.sample_shop.geometry import (
    Sdf,
    around,
    blend,
    box,
    capsule,
    cylinder,
    mirror,
    move,
    torus,
    turn,
    union,
)
from tools.sample_shop.materials import BEECH, OAK, WALNUT
from tools.sample_shop.model import Model, Part, View, project_pattern

ROOM = (View(32, 14), View(-38, 26, 1.02))


def _timber(design: ProductDesign) -> str:
    return (OAK, WALNUT, BEECH)[design.number % 3]


def _legs(x: float, z: float, top: float, splay: float, thick: float = 0.028) -> Sdf:
    return mirror(capsule((x + splay, 0.02, z + splay), (x, top, z), thick * 0.8, thick), 0, 2)


def build_chair(design: ProductDesign) -> Model:
    wood = _timber(design)
    if design.shape == 0:
        seat = box((0.30, 0.035, 0.29), 0.03, (0, 0.55, 0))
        slats = union(
            box((0.29, 0.065, 0.02), 0.02, (0, 1.10, -0.33)),
            box((0.25, 0.04, 0.018), 0.018, (0, 0.90, -0.305)),
            box((0.25, 0.04, 0.018), 0.018, (0, 0.76, -0.29)),
        )
        posts = mirror(capsule((0.27, 0.55, -0.26), (0.27, 1.14, -0.335), 0.026), 0)
        rails = mirror(capsule((0.27, 0.28, -0.25), (0.27, 0.28, 0.25), 0.016), 0)
        return Model(
            (
                Part(union(seat, slats, posts), design.base_colour, design.finish, along=0),
                Part(
                    union(_legs(0.25, 0.24, 0.53, 0.03), rails), design.base_colour, design.finish
                ),
            ),
            ROOM,
        )
    if design.shape == 1:
        seat = box((0.32, 0.045, 0.30), 0.045, (0, 0.54, 0))
        back = turn(box((0.31, 0.25, 0.04), 0.04), 0, -10)
        tub = blend(0.16, seat, move(back, (0, 0.84, -0.30)))
        return Model(
            (
                Part(
                    tub,
                    design.base_colour,
                    design.finish,
                    project_pattern(design.pattern, 0.15),
                    design.accent_colour,
                ),
                Part(_legs(0.20, 0.20, 0.52, 0.10), wood, finishes.WOOD),
            ),
            ROOM,
        )
    seat = box((0.34, 0.10, 0.34), 0.07, (0, 0.42, 0.02))
    back = move(turn(box((0.40, 0.34, 0.09), 0.08), 0, -12), (0, 0.74, -0.33))
    arms = mirror(box((0.075, 0.20, 0.36), 0.07, (0.40, 0.47, 0)), 0)
    return Model(
        (
            Part(
                union(back, arms),
                design.base_colour,
                design.finish,
                project_pattern(design.pattern, 0.15),
                design.accent_colour,
            ),
            Part(
                seat,
                design.base_colour,
                design.finish,
                project_pattern(design.pattern, 0.15),
                design.accent_colour,
            ),
            Part(_legs(0.30, 0.26, 0.32, 0.05), wood, finishes.WOOD),
        ),
        ROOM,
    )


def build_stool(design: ProductDesign) -> Model:
    wood = _timber(design)
    if design.shape == 2:
        drum = blend(0.05, cylinder(0.46, 0.23, 0.10, (0, 0.33, 0)), torus(0.40, 0.07, (0, 0.5, 0)))
        seam = torus(0.462, 0.014, (0, 0.33, 0))
        feet = around(cylinder(0.04, 0.06, 0.01, (0.32, 0.06, 0)), 4)
        return Model(
            (
                Part(
                    drum,
                    design.base_colour,
                    design.finish,
                    design.wrap_pattern(0.2, 0.46, 0.12, 0.46),
                    design.accent_colour,
                ),
                Part(seam, design.accent_colour, finishes.CLOTH),
                Part(feet, wood, finishes.WOOD),
            ),
            (View(30, 18), View(-30, 38, 1.0)),
        )
    count = 4 if design.shape == 0 else 3
    tall = 0.98 if design.shape == 0 else 0.62
    seat = cylinder(0.30, 0.045, 0.035, (0, tall, 0))
    legs = turn(
        around(capsule((0.34, 0.02, 0), (0.20, tall - 0.02, 0), 0.026, 0.032), count), 1, 45
    )
    ring = torus(0.29, 0.017, (0, tall * 0.34, 0))
    return Model(
        (
            Part(
                seat,
                design.base_colour,
                design.finish,
                design.wrap_pattern(0.2, 0.3),
                design.accent_colour,
                along=0,
            ),
            Part(union(legs, ring), wood, finishes.WOOD),
        ),
        (View(30, 16), View(-30, 36, 1.0)),
    )


def build_table(design: ProductDesign) -> Model:
    wood = _timber(design)
    if design.shape == 0:
        top = cylinder(0.52, 0.028, 0.022, (0, 0.74, 0))
        legs = turn(around(capsule((0.44, 0.02, 0), (0.26, 0.72, 0), 0.022, 0.034), 3), 1, 30)
        return Model(
            (
                Part(top, design.base_colour, design.finish, along=0),
                Part(legs, wood, finishes.WOOD),
            ),
            (View(30, 20), View(-30, 38)),
        )
    if design.shape == 1:
        top = box((0.80, 0.03, 0.42), 0.025, (0, 0.55, 0))
        shelf = box((0.70, 0.018, 0.34), 0.015, (0, 0.20, 0))
        return Model(
            (
                Part(union(top, shelf), design.base_colour, design.finish, along=0),
                Part(_legs(0.70, 0.33, 0.53, 0.02, 0.034), wood, finishes.WOOD),
            ),
            (View(32, 20), View(-34, 36)),
        )
    top = cylinder(0.44, 0.025, 0.02, (0, 0.80, 0))
    foot = blend(
        0.12,
        cylinder(0.27, 0.02, 0.015, (0, 0.02, 0)),
        cylinder(0.035, 0.40, 0.01, (0, 0.40, 0)),
        cylinder(0.10, 0.02, 0.01, (0, 0.77, 0)),
    )
    return Model(
        (
            Part(top, design.base_colour, design.finish, along=0),
            Part(foot, design.base_colour, design.finish),
        ),
        (View(30, 20), View(-30, 38)),
    )


def build_sofa(design: ProductDesign) -> Model:
    wide = (0.62, 0.86, 0.86)[design.shape]
    seats = (1, 2, 3)[design.shape] if design.shape else 2
    arm_round = (0.08, 0.045, 0.10)[design.shape]
    frame = box((wide, 0.10, 0.36), 0.04, (0, 0.23, 0))
    back = move(turn(box((wide, 0.30, 0.10), 0.08), 0, -7), (0, 0.52, -0.32))
    arms = mirror(box((0.105, 0.24, 0.38), arm_round, (wide - 0.03, 0.40, 0.02)), 0)
    pitch = 2 * (wide - 0.14) / seats
    pads: list[Sdf] = []
    for k in range(seats):
        x = -wide + 0.14 + pitch * (k + 0.5)
        pads.append(box((pitch / 2 - 0.006, 0.075, 0.33), 0.055, (x, 0.385, 0.06)))
        pads.append(
            move(turn(box((pitch / 2 - 0.01, 0.20, 0.085), 0.075), 0, -12), (x, 0.60, -0.20))
        )
    pillow = move(
        turn(turn(box((0.15, 0.15, 0.055), 0.055), 2, 12), 0, -22), (wide - 0.30, 0.58, -0.03)
    )
    legs = mirror(capsule((wide - 0.10, 0.01, 0.28), (wide - 0.13, 0.15, 0.26), 0.022, 0.03), 0, 2)
    paint = project_pattern(design.pattern, 0.15)
    return Model(
        (
            Part(
                union(frame, back, arms),
                design.base_colour,
                design.finish,
                paint,
                design.accent_colour,
            ),
            Part(union(*pads), design.base_colour, design.finish, paint, design.accent_colour),
            Part(pillow, design.accent_colour, finishes.CLOTH),
            Part(legs, _timber(design), finishes.WOOD),
        ),
        (View(26, 15), View(-40, 24, 1.02)),
    )
