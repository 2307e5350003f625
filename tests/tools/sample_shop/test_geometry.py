"""Distances must never overstate, or rays step through the surface."""

from __future__ import annotations

import numpy as np
import pytest

from tools.sample_shop import geometry as g
from tools.sample_shop.distance_fields import lathe_solid, shell, smooth_curve, solid

POINTS = np.random.default_rng(1).uniform(-1.2, 1.2, (3, 4000)).astype(np.float32)
CURVE = smooth_curve([(0.0, 0.0), (0.3, 0.0), (0.3, 0.0), (0.4, 0.4), (0.2, 0.8), (0.0, 0.8)])
SQUARE = ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))


@pytest.mark.parametrize(
    "shape",
    [
        g.sphere(0.4, (0.1, 0, 0)),
        g.box((0.3, 0.2, 0.4), 0.05),
        g.cylinder(0.3, 0.4, 0.02),
        g.capsule((0, 0, 0), (0.4, 0.5, 0.1), 0.1),
        g.torus(0.4, 0.1, axis=2),
        g.lathe(lathe_solid(CURVE)),
        g.lathe(shell(CURVE, 0.05)),
        g.blend(0.1, g.sphere(0.3), g.sphere(0.2, (0.4, 0, 0))),
        g.turn(g.box((0.3, 0.2, 0.4), 0.05), 1, 30),
        g.mirror(g.sphere(0.2, (0.4, 0, 0.4)), 0, 2),
    ],
)
def test_distance_changes_no_faster_than_position(shape: g.Sdf) -> None:
    step = np.random.default_rng(2).normal(0, 0.02, POINTS.shape).astype(np.float32)
    change = np.abs(shape(POINTS + step) - shape(POINTS))
    assert (change <= np.sqrt((step**2).sum(axis=0)) * 1.06 + 1e-4).all()


def test_sphere_and_cut() -> None:
    at = np.array([[0.0, 1.0], [0.0, 0.0], [0.0, 0.0]], dtype=np.float32)
    assert np.allclose(g.sphere(0.25)(at), [-0.25, 0.75])
    assert np.allclose(g.cut(g.sphere(0.25), g.sphere(0.1))(at), [0.1, 0.75])


def test_baked_field_matches_the_exact_distance_to_a_square() -> None:
    field = solid(SQUARE)
    a, b = POINTS[0], POINTS[1]
    qx, qy = np.abs(a) - 0.5, np.abs(b) - 0.5
    exact = np.hypot(np.maximum(qx, 0), np.maximum(qy, 0)) + np.minimum(np.maximum(qx, qy), 0)
    inside = np.maximum(qx, qy) < 0.1
    assert np.abs(field(a, b) - exact)[inside].max() < 0.006
    assert (field(a, b) <= exact + 0.006).all()


def test_around_repeats_a_shape() -> None:
    five = g.around(g.sphere(0.1, (0.5, 0, 0)), 5)
    angles = np.arange(5) * 2 * np.pi / 5
    centres = np.stack([0.5 * np.cos(angles), np.zeros(5), 0.5 * np.sin(angles)]).astype(np.float32)
    assert np.allclose(five(centres), -0.1, atol=1e-5)
