"""The camera: frame a model and cast rays."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tools.sample_shop.distance_fields import Array
from tools.sample_shop.model import Model, View

LENS_TANGENT = math.tan(math.radians(13))
"""Half the width of the picture at distance 1: a long lens, as for product photographs."""
FRAME_FILL = 0.78
"""Share of the picture that the product spans."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera.

    The rows of `axes`, (3, 3), are right, up and forward in world coordinates; `eye` is (3,).
    """

    eye: Array
    axes: Array
    size: int

    @property
    def pixel(self) -> float:
        """The width of a pixel at distance 1."""
        return 2 * LENS_TANGENT / self.size

    def rays(self, x: Array, y: Array) -> Array:
        """Return unit directions (3, n) through pixel positions; y points down."""
        right, up, forward = self.axes
        a = (x / np.float32(self.size) * 2 - 1) * np.float32(LENS_TANGENT)
        b = (1 - y / np.float32(self.size) * 2) * np.float32(LENS_TANGENT)
        rays = np.stack([forward[k] + right[k] * a + up[k] * b for k in range(3)])
        return (rays / np.sqrt((rays * rays).sum(axis=0))).astype(np.float32)

    def project(self, points: Array) -> Array:
        """Return the pixel positions (2, n) of world points (3, n)."""
        d = points - self.eye[:, None]
        right, up, forward = ((self.axes[k][:, None] * d).sum(axis=0) for k in range(3))
        scale = self.size / (2 * LENS_TANGENT)
        return np.stack(
            [self.size / 2 + right / forward * scale, self.size / 2 - up / forward * scale]
        )


def aim_camera(model: Model, view: View, size: int, spin: float = 0.0) -> Camera:
    """Return a camera that shows the whole model in the centre; `spin` turns it, in degrees."""
    yaw, pitch = math.radians(view.yaw + spin), math.radians(view.pitch)
    forward = np.array(
        [-math.sin(yaw) * math.cos(pitch), -math.sin(pitch), -math.cos(yaw) * math.cos(pitch)]
    )
    right = np.array([math.cos(yaw), 0.0, -math.sin(yaw)])
    up = np.cross(right, forward)
    axes = np.stack([right, up, forward]).astype(np.float32)
    flat = (axes[:, :, None] * model.cloud[None]).sum(axis=1)
    middle = (flat.min(axis=1) + flat.max(axis=1)) / 2
    distance = float(np.abs(flat[:2] - middle[:2, None]).max()) / LENS_TANGENT + float(
        np.ptp(flat[2])
    )
    for _ in range(3):
        # Perspective enlarges the near side, so refine the fit on the projected outline.
        ahead = flat[2] - middle[2] + distance
        side, rise = (flat[k] - middle[k] for k in (0, 1))
        side, rise = side / ahead, rise / ahead
        middle[0] += (side.max() + side.min()) / 2 * distance
        middle[1] += (rise.max() + rise.min()) / 2 * distance
        extent = max(np.ptp(side), np.ptp(rise) * 1.04) / 2
        distance *= float(extent) / (LENS_TANGENT * FRAME_FILL * view.zoom)
    middle[1] -= distance * LENS_TANGENT * 0.03
    centre = (axes * middle[:, None]).sum(axis=0)
    return Camera((centre - axes[2] * np.float32(distance)).astype(np.float32), axes, size)
