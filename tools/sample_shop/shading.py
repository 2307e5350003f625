"""Studio light: a soft key light from the upper left, fill light, a rim light and softboxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tools.sample_shop import noise
from tools.sample_shop.camera import Camera
from tools.sample_shop.distance_fields import Array
from tools.sample_shop.geometry import Sdf
from tools.sample_shop.model import Part
from tools.sample_shop.palette import to_linear
from tools.sample_shop.ray_march import (
    PixelCoordinates,
    light_visibility,
    nearest_shape,
    surface_normals,
)

KEY = (-0.55, 0.68, -0.50)
RIM = (0.62, 0.35, 0.70)
WINDOW = (-0.82, 0.0, -0.57)
STRIP = (0.93, 0.0, -0.37)
KEY_TINT = np.array([1.03, 1.0, 0.96], dtype=np.float32)[:, None]
SKY = np.array([0.93, 0.97, 1.04], dtype=np.float32)[:, None]


@dataclass(frozen=True, slots=True)
class Surface:
    """Shaded points: `light` (3, n) linear, transparency `clear` (n,), part index `owner` (n,)."""

    light: Array
    clear: Array
    owner: Array


def light_direction(camera: Camera, light: tuple[float, float, float]) -> Array:
    """Return the world direction (3,) of a light fixed to the camera (right, up, forward)."""
    # Keep the world's up, or a camera that looks down moves the lamps below the floor.
    right, _, forward = camera.axes
    level = np.array([forward[0], 0, forward[2]], dtype=np.float32)
    level /= max(float(np.sqrt((level * level).sum())), 1e-3)
    direction = right * light[0] + np.array([0, light[1], 0], dtype=np.float32) + level * light[2]
    return (direction / np.sqrt((direction * direction).sum())).astype(np.float32)


def environment_light(direction: Array, camera: Camera, rough: Array, paper: Array) -> Array:
    """Return the light (3, n) from a direction: floor, ceiling, softboxes, blurred by `rough`."""
    blur = np.float32(0.06) + rough * np.float32(0.5)
    height = np.clip(
        direction[1] / (np.float32(0.35) + rough) * np.float32(0.5) + np.float32(0.5), 0, 1
    )
    light = paper[:, None] * (np.float32(0.42) * (1 - height)) + SKY * (
        np.float32(0.22) + np.float32(0.33) * height
    )
    facing = (direction * light_direction(camera, KEY)[:, None]).sum(axis=0)
    light = light + KEY_TINT * (
        _smoothstep((facing - np.float32(0.90)) / blur) * (np.float32(2.6) / (1 + rough * 3))
    )
    level = np.maximum(np.sqrt(direction[0] ** 2 + direction[2] ** 2), np.float32(1e-3))
    tall = _smoothstep((direction[1] + np.float32(0.55)) / blur) * _smoothstep(
        (np.float32(0.75) - direction[1]) / blur
    )
    for lamp, size, power in ((WINDOW, 0.97, 2.8), (STRIP, 0.985, 1.9)):
        side = light_direction(camera, lamp)
        facing = (direction[0] * side[0] + direction[2] * side[2]) / level
        glow = _smoothstep((facing - np.float32(size)) / (blur * np.float32(0.5))) * tall
        light = light + KEY_TINT * (glow * (np.float32(power) / (1 + rough * 4)))
    return light


def _smoothstep(x: Array) -> Array:
    """Return a smooth step from 0 to 1 over -½…½."""
    x = np.clip(x + np.float32(0.5), 0, 1)
    return x * x * (3 - 2 * x)


def apply_grain(part: Part, p: Array, n: Array) -> tuple[Array, Array]:
    """Return the brightness factor (n,) and the bent normals (3, n) of a material's texture."""
    grain = part.finish.grain
    across = [k for k in range(3) if k != part.along]
    a, b, along = p[across[0]], p[across[1]], p[part.along]
    if grain == "wood":
        ring = noise.value_noise((a + b * np.float32(0.6)) * 9, along * np.float32(1.3), 3)
        lines = np.sin((ring * 9 + (a - b) * 10) * np.float32(2)) * np.float32(0.5) + np.float32(
            0.5
        )
        fibre = noise.value_noise((a + b) * 90, along * 5, 5)
        return np.float32(0.74) + lines * np.float32(0.22) + fibre * np.float32(0.16), n
    if grain == "brush":
        streak = noise.value_noise(
            p[1] * 140, np.arctan2(p[2], p[0]) * np.float32(1.5), 7
        ) - np.float32(0.5)
        return 1 + streak * np.float32(0.14), _bend(n, streak * np.float32(0.05), 1)
    if grain == "speck":
        fleck = noise.value_noise(
            (p[0] + p[2] * np.float32(0.37)) * 75, (p[1] - p[2] * np.float32(0.61)) * 75, 9
        )
        return 1 - np.clip((fleck - np.float32(0.80)) * 5, 0, 1) * np.float32(0.30), n
    if grain in {"weave", "knit"}:
        pitch = np.float32(190 if grain == "weave" else 75)
        thread = np.sin((p[0] + p[2]) * pitch) * np.sin((p[1] + p[2] * np.float32(0.3)) * pitch)
        slub = noise.value_noise(p[0] * 22 + p[2] * 17, p[1] * 60, 11) - np.float32(0.5)
        depth = np.float32(0.05 if grain == "weave" else 0.14)
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
    at: PixelCoordinates | None,
) -> Surface:
    """Shade the surface points `p`; `at` are their pixels, if each pixel has one point."""
    n = surface_normals(nearest, p)
    key = light_direction(camera, KEY)
    facing = np.maximum((n * key[:, None]).sum(axis=0), 0)
    cast, open_ = light_visibility(nearest, key, p, n, at)
    whose = nearest_shape([part.shape for part in parts], p)
    albedo = np.zeros_like(p)
    traits = np.zeros((6, p.shape[1]), dtype=np.float32)
    for k, part in enumerate(parts):
        mine = whose == k
        if not mine.any():
            continue
        own, normal = p[:, mine], n[:, mine]
        factor, bent = apply_grain(part, own, normal)
        colour = to_linear(part.colour)[:, None]
        if part.paint is not None:
            colour = colour + (to_linear(part.accent)[:, None] - colour) * part.paint(own, normal)
        albedo[:, mine] = np.clip(colour * factor, 0, 1)
        n[:, mine] = bent
        f = part.finish
        traits[:, mine] = np.array(
            [f.mirror, f.rough, f.metal, f.sheen, f.glow, f.clear], dtype=np.float32
        )[:, None]
    clear = traits[5] * (1 - _fresnel(n, rays) * np.float32(0.7))
    return Surface(
        _light_surface(camera, albedo, traits, n, rays, (facing * cast, open_), paper),
        clear,
        whose.astype(np.float32),
    )


def _fresnel(n: Array, rays: Array) -> Array:
    grazing = 1 - np.clip(-(n * rays).sum(axis=0), 0, 1)
    return grazing**4


def _light_surface(
    camera: Camera,
    albedo: Array,
    traits: Array,
    n: Array,
    rays: Array,
    exposure: tuple[Array, Array],
    paper: Array,
) -> Array:
    """Return light (3, n); `exposure` is the key light on each point and how open it lies."""
    lit, open_ = exposure
    mirror, rough, metal, sheen, glow, clear = traits
    up = n[1] * np.float32(0.5) + np.float32(0.5)
    ambient = (
        SKY * (np.float32(0.24) + np.float32(0.32) * up)
        + paper[:, None] * (np.float32(0.20) * (1 - up))
    ) * open_
    rim_side = np.clip((n * light_direction(camera, RIM)[:, None]).sum(axis=0), 0, 1)
    fresnel = _fresnel(n, rays)
    diffuse = albedo * (
        KEY_TINT * (np.float32(0.92) * lit) + ambient + np.float32(0.16) * rim_side * open_
    )
    soft = (sheen * fresnel * open_) * (albedo * np.float32(0.6) + np.float32(0.25))
    bounce = rays - 2 * n * (n * rays).sum(axis=0)
    seen = environment_light(bounce, camera, rough, paper) * (
        np.float32(0.25) + np.float32(0.75) * open_
    )
    strength = mirror + (1 - mirror) * fresnel * (1 - rough) * np.float32(0.75)
    tint = 1 + (albedo / np.maximum(albedo.max(axis=0), np.float32(0.05)) - 1) * metal * (
        1 - fresnel * np.float32(0.5)
    )
    body = diffuse * (1 - metal * np.float32(0.72)) * (1 - clear * np.float32(0.75))
    return body + soft + seen * strength * tint + albedo * glow


def tone_map(light: Array) -> Array:
    """Map linear light to display values 0…1: linear, then a soft shoulder, then sRGB."""
    knee = np.float32(0.72)
    over = np.maximum(light - knee, 0)
    rolled = np.minimum(light, knee) + (1 - knee) * (1 - np.exp(-over / (1 - knee)))
    return np.where(
        rolled <= 0.0031308, rolled * 12.92, 1.055 * np.maximum(rolled, 1e-6) ** (1 / 2.4) - 0.055
    )
