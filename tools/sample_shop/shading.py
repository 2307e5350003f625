"""Studio light: a soft key from the upper left, a sky and floor fill, a rim from behind, and
softboxes to mirror.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tools.sample_shop import noise
from tools.sample_shop.camera import Camera
from tools.sample_shop.distance_fields import Array
from tools.sample_shop.geometry import Sdf
from tools.sample_shop.model import Part
from tools.sample_shop.palette import linear
from tools.sample_shop.ray_march import Places, normals, owners, visibility

KEY = (-0.55, 0.68, -0.50)
RIM = (0.62, 0.35, 0.70)
WINDOW = (-0.82, 0.0, -0.57)
STRIP = (0.93, 0.0, -0.37)
KEY_TINT = np.array([1.03, 1.0, 0.96], dtype=np.float32)[:, None]
SKY = np.array([0.93, 0.97, 1.04], dtype=np.float32)[:, None]


@dataclass(frozen=True, slots=True)
class Surface:
    """`light` (3, n) linear, `clear` (n,) how much of what is behind shows through, `owner` (n,)
    index of the part.
    """

    light: Array
    clear: Array
    owner: Array


def towards(camera: Camera, light: tuple[float, float, float]) -> Array:
    """World direction (3,) of a light that is fixed to the camera (right, up, forward)."""
    # Up stays the world's up, so that a camera looking down does not carry the lamps below the
    # floor.
    right, _, forward = camera.axes
    level = np.array([forward[0], 0, forward[2]], dtype=np.float32)
    level /= max(float(np.sqrt((level * level).sum())), 1e-3)
    direction = right * light[0] + np.array([0, light[1], 0], dtype=np.float32) + level * light[2]
    return (direction / np.sqrt((direction * direction).sum())).astype(np.float32)


def surroundings(direction: Array, camera: Camera, rough: Array, paper: Array) -> Array:
    """Light (3, n) that a mirror sees: floor below, a bright ceiling, two softboxes, blurred by
    `rough`.
    """
    blur = np.float32(0.06) + rough * np.float32(0.5)
    height = np.clip(
        direction[1] / (np.float32(0.35) + rough) * np.float32(0.5) + np.float32(0.5), 0, 1
    )
    light = paper[:, None] * (np.float32(0.42) * (1 - height)) + SKY * (
        np.float32(0.22) + np.float32(0.33) * height
    )
    facing = (direction * towards(camera, KEY)[:, None]).sum(axis=0)
    light = light + KEY_TINT * (
        _ramp((facing - np.float32(0.90)) / blur) * (np.float32(2.6) / (1 + rough * 3))
    )
    level = np.maximum(np.sqrt(direction[0] ** 2 + direction[2] ** 2), np.float32(1e-3))
    tall = _ramp((direction[1] + np.float32(0.55)) / blur) * _ramp(
        (np.float32(0.75) - direction[1]) / blur
    )
    for lamp, size, power in ((WINDOW, 0.97, 2.8), (STRIP, 0.985, 1.9)):
        side = towards(camera, lamp)
        facing = (direction[0] * side[0] + direction[2] * side[2]) / level
        glow = _ramp((facing - np.float32(size)) / (blur * np.float32(0.5))) * tall
        light = light + KEY_TINT * (glow * (np.float32(power) / (1 + rough * 4)))
    return light


def _ramp(x: Array) -> Array:
    """Smooth step from 0 to 1 over -½…½."""
    x = np.clip(x + np.float32(0.5), 0, 1)
    return x * x * (3 - 2 * x)


def grained(part: Part, p: Array, n: Array) -> tuple[Array, Array]:
    """Brightness factor (n,) and bent normals (3, n) of a material's own texture."""
    kind = part.finish.grain
    across = [k for k in range(3) if k != part.along]
    a, b, along = p[across[0]], p[across[1]], p[part.along]
    if kind == "wood":
        ring = noise.value((a + b * np.float32(0.6)) * 9, along * np.float32(1.3), 3)
        lines = np.sin((ring * 9 + (a - b) * 10) * np.float32(2)) * np.float32(0.5) + np.float32(
            0.5
        )
        fibre = noise.value((a + b) * 90, along * 5, 5)
        return np.float32(0.74) + lines * np.float32(0.22) + fibre * np.float32(0.16), n
    if kind == "brush":
        streak = noise.value(p[1] * 140, np.arctan2(p[2], p[0]) * np.float32(1.5), 7) - np.float32(
            0.5
        )
        return 1 + streak * np.float32(0.14), _bend(n, streak * np.float32(0.05), 1)
    if kind == "speck":
        fleck = noise.value(
            (p[0] + p[2] * np.float32(0.37)) * 75, (p[1] - p[2] * np.float32(0.61)) * 75, 9
        )
        return 1 - np.clip((fleck - np.float32(0.80)) * 5, 0, 1) * np.float32(0.30), n
    if kind in {"weave", "knit"}:
        pitch = np.float32(190 if kind == "weave" else 75)
        thread = np.sin((p[0] + p[2]) * pitch) * np.sin((p[1] + p[2] * np.float32(0.3)) * pitch)
        slub = noise.value(p[0] * 22 + p[2] * 17, p[1] * 60, 11) - np.float32(0.5)
        depth = np.float32(0.05 if kind == "weave" else 0.14)
        return 1 + thread * depth + slub * np.float32(0.08), _bend(n, thread * depth, 0)
    return np.ones(p.shape[1], dtype=np.float32), n


def _bend(n: Array, amount: Array, axis: int) -> Array:
    bent = n.copy()
    bent[axis] += amount
    return bent / np.sqrt((bent * bent).sum(axis=0))


def shade(
    parts: Sequence[Part],
    nearest: Sdf,
    camera: Camera,
    p: Array,
    rays: Array,
    paper: Array,
    at: Places | None,
) -> Surface:
    """What the camera sees of the surface points `p`. `at` are their pixels, if they are one per
    pixel.
    """
    n = normals(nearest, p)
    key = towards(camera, KEY)
    facing = np.maximum((n * key[:, None]).sum(axis=0), 0)
    cast, open_ = visibility(nearest, key, p, n, at)
    whose = owners([part.shape for part in parts], p)
    albedo = np.zeros_like(p)
    traits = np.zeros((6, p.shape[1]), dtype=np.float32)
    for k, part in enumerate(parts):
        mine = whose == k
        if not mine.any():
            continue
        own, normal = p[:, mine], n[:, mine]
        factor, bent = grained(part, own, normal)
        colour = linear(part.colour)[:, None]
        if part.paint is not None:
            colour = colour + (linear(part.accent)[:, None] - colour) * part.paint(own, normal)
        albedo[:, mine] = np.clip(colour * factor, 0, 1)
        n[:, mine] = bent
        f = part.finish
        traits[:, mine] = np.array(
            [f.mirror, f.rough, f.metal, f.sheen, f.glow, f.clear], dtype=np.float32
        )[:, None]
    clear = traits[5] * (1 - _fresnel(n, rays) * np.float32(0.7))
    return Surface(
        _lit(camera, albedo, traits, n, rays, facing * cast, open_, paper),
        clear,
        whose.astype(np.float32),
    )


def _fresnel(n: Array, rays: Array) -> Array:
    grazing = 1 - np.clip(-(n * rays).sum(axis=0), 0, 1)
    return grazing**4


def _lit(
    camera: Camera,
    albedo: Array,
    traits: Array,
    n: Array,
    rays: Array,
    lit: Array,
    open_: Array,
    paper: Array,
) -> Array:
    mirror, rough, metal, sheen, glow, clear = traits
    up = n[1] * np.float32(0.5) + np.float32(0.5)
    ambient = (
        SKY * (np.float32(0.24) + np.float32(0.32) * up)
        + paper[:, None] * (np.float32(0.20) * (1 - up))
    ) * open_
    rim_side = np.clip((n * towards(camera, RIM)[:, None]).sum(axis=0), 0, 1)
    fresnel = _fresnel(n, rays)
    diffuse = albedo * (
        KEY_TINT * (np.float32(0.92) * lit) + ambient + np.float32(0.16) * rim_side * open_
    )
    soft = (sheen * fresnel * open_) * (albedo * np.float32(0.6) + np.float32(0.25))
    bounce = rays - 2 * n * (n * rays).sum(axis=0)
    seen = surroundings(bounce, camera, rough, paper) * (
        np.float32(0.25) + np.float32(0.75) * open_
    )
    strength = mirror + (1 - mirror) * fresnel * (1 - rough) * np.float32(0.75)
    tint = 1 + (albedo / np.maximum(albedo.max(axis=0), np.float32(0.05)) - 1) * metal * (
        1 - fresnel * np.float32(0.5)
    )
    body = diffuse * (1 - metal * np.float32(0.72)) * (1 - clear * np.float32(0.75))
    return body + soft + seen * strength * tint + albedo * glow


def developed(light: Array) -> Array:
    """Linear light to display values 0…1: straight up to a shoulder, then rolled off, then the
    sRGB curve.
    """
    knee = np.float32(0.72)
    over = np.maximum(light - knee, 0)
    rolled = np.minimum(light, knee) + (1 - knee) * (1 - np.exp(-over / (1 - knee)))
    return np.where(
        rolled <= 0.0031308, rolled * 12.92, 1.055 * np.maximum(rolled, 1e-6) ** (1 / 2.4) - 0.055
    )
