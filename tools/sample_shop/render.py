"""A studio photograph of a model: backdrop and shadow, the product, then smooth edges."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from PIL import Image

from tools.sample_shop.camera import Camera, aim
from tools.sample_shop.distance_fields import Array
from tools.sample_shop.model import Model, Part, View
from tools.sample_shop.palette import linear
from tools.sample_shop.ray_march import Places, occlusion, scene, shadow, walk
from tools.sample_shop.shading import KEY, developed, shade, towards

Pixels = npt.NDArray[np.uint8]

TILE = 8
FLOOR_STEP = 3
EDGE = 0.04
CREASE = 0.006
FARAWAY = np.float32(99)
SUBPIXELS = ((0.125, 0.625), (0.375, 0.125), (0.625, 0.875), (0.875, 0.375))
"""Rotated grid: four samples that share no row or column."""


def photograph(model: Model, view: View, paper: str, size: int = 400, spin: float = 0.0) -> Pixels:
    """Picture of a measured model, (size, size, 3) uint8 sRGB."""
    camera = aim(model, view, size, spin)
    tint = linear(paper)
    backdrop = _backdrop(model, camera, tint)
    starts = _starts(model, camera)
    y, x = np.nonzero(np.isfinite(starts))
    picture, layout = backdrop.copy(), np.full((2, size, size), FARAWAY, dtype=np.float32)
    shoot = functools.partial(_shoot, model, camera, tint)
    centre = np.float32(0.5)
    picture[:, y, x], layout[:, y, x] = shoot(
        x + centre, y + centre, starts[y, x], backdrop[:, y, x], (x, y)
    )
    developed_picture = developed(picture)
    y, x = np.nonzero(_edges(developed_picture, *layout) & np.isfinite(starts))
    fine = np.concatenate(
        [np.stack([x + np.float32(dx), y + np.float32(dy)]) for dx, dy in SUBPIXELS], axis=1
    )
    sharp, _ = shoot(fine[0], fine[1], np.tile(starts[y, x], 4), np.tile(backdrop[:, y, x], 4))
    # Averaging after the shoulder keeps a bright highlight from flickering at its edge.
    developed_picture[:, y, x] = developed(sharp).reshape(3, 4, -1).mean(axis=1)
    return (np.clip(developed_picture, 0, 1) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0)


def _far(camera: Camera, model: Model) -> float:
    gap = model.cloud - camera.eye[:, None]
    return float(np.sqrt((gap * gap).sum(axis=0)).max()) + 0.1


def _starts(model: Model, camera: Camera) -> Array:
    """Per pixel, a distance safely before the product, infinite where nothing can be hit; (size,
    size).
    """
    tiles = -(-camera.size // TILE)
    y, x = (
        axis.ravel().astype(np.float32) * TILE + TILE / 2 for axis in np.mgrid[0:tiles, 0:tiles]
    )
    nearest = scene([part.shape for part in model.parts])
    spread = camera.pixel * TILE * 0.75
    gap = model.cloud - camera.eye[:, None]
    near = max(float(np.sqrt((gap * gap).sum(axis=0)).min()) - 0.15, 0.01)
    begin = np.full(x.size, near, dtype=np.float32)
    reached = walk(nearest, camera.eye, camera.rays(x, y), begin, _far(camera, model), spread)
    grid = reached.reshape(tiles, tiles) - np.float32(0.02)
    return np.repeat(np.repeat(grid, TILE, axis=0), TILE, axis=1)[: camera.size, : camera.size]


def _shoot(
    model: Model,
    camera: Camera,
    paper: Array,
    x: Array,
    y: Array,
    start: Array,
    behind: Array,
    at: Places | None = None,
) -> tuple[Array, Array]:
    """Light (3, n), and depth and part (2, n), along rays: opaque parts over the backdrop, then
    clear parts.

    `at` are the rays' pixels, if they are one per pixel.
    """
    rays = camera.rays(x.astype(np.float32), y.astype(np.float32))
    solid = [part for part in model.parts if not part.finish.clear]
    clear = [part for part in model.parts if part.finish.clear]
    light, layout = behind.copy(), np.full((2, rays.shape[1]), FARAWAY, dtype=np.float32)
    for parts in (solid, clear):
        if parts:
            _layer(parts, model, camera, paper, rays, start, light, layout, at)
    return light, layout


def _layer(
    parts: list[Part],
    model: Model,
    camera: Camera,
    paper: Array,
    rays: Array,
    start: Array,
    light: Array,
    layout: Array,
    at: Places | None,
) -> None:
    """Put the parts in front of what `light` and `layout` hold, in place."""
    nearest = scene([part.shape for part in parts])
    t = walk(nearest, camera.eye, rays, start, _far(camera, model))
    hit = t < layout[0]
    if not hit.any():
        return
    p = camera.eye[:, None] + rays[:, hit] * t[hit]
    spots = None if at is None else (at[0][hit], at[1][hit])
    surface = shade(parts, nearest, camera, p, rays[:, hit], paper, spots)
    glass = linear(parts[0].colour)[:, None] ** np.float32(0.5)
    light[:, hit] = surface.light + light[:, hit] * glass * surface.clear
    layout[:, hit] = t[hit], surface.owner


def _backdrop(model: Model, camera: Camera, tint: Array) -> Array:
    """Seamless paper with a pool of light and the product's shadow, (3, size, size) linear."""
    size = camera.size
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) / np.float32(size)
    pool = np.hypot((columns - np.float32(0.44)) * np.float32(0.9), rows - np.float32(0.46))
    fall = np.float32(1.14) - np.float32(0.60) * pool * pool - np.float32(0.06) * rows
    return tint[:, None, None] * fall * _floor_shadow(model, camera)


def _floor_shadow(model: Model, camera: Camera) -> Array:
    """How lit the floor is at each pixel, (size, size), traced coarsely because it is soft."""
    cells = -(-camera.size // FLOOR_STEP)
    y, x = (
        (axis.ravel().astype(np.float32) + np.float32(0.5)) * FLOOR_STEP
        for axis in np.mgrid[0:cells, 0:cells]
    )
    rays = camera.rays(x, y)
    ground = np.float32(model.cloud[1].min())
    t = (ground - camera.eye[1]) / np.minimum(rays[1], np.float32(-1e-3))
    p = camera.eye[:, None] + rays * t
    middle = (model.cloud.min(axis=1) + model.cloud.max(axis=1)) / 2
    around = np.float32(np.abs(model.cloud - middle[:, None]).max() * 2.4)
    near = (rays[1] < 0) & (np.hypot(p[0] - middle[0], p[2] - middle[2]) < around)
    clear = np.ones(x.size, dtype=np.float32)
    solid = scene([part.shape for part in model.parts])
    spots = p[:, near]
    up = np.broadcast_to(np.array([[0], [1], [0]], dtype=np.float32), spots.shape)
    cast = shadow(solid, spots, towards(camera, KEY), hardness=4.5, steps=16)
    contact = occlusion(solid, spots, up, reach=0.32, samples=5)
    clear[near] = (np.float32(0.58) + np.float32(0.42) * cast) * (
        np.float32(0.45) + np.float32(0.55) * contact
    )
    small = Image.fromarray(_blurred(clear.reshape(cells, cells)))
    wide = small.resize((cells * FLOOR_STEP, cells * FLOOR_STEP), Image.Resampling.BICUBIC)
    return np.asarray(wide, dtype=np.float32)[: camera.size, : camera.size]


def _blurred(image: Array) -> Array:
    """Mean of 3 × 3 neighbours, edges repeated."""
    padded = np.pad(image, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) * np.float32(1 / 9)


def _edges(picture: Array, depth: Array, owner: Array) -> npt.NDArray[np.bool_]:
    """Pixels at an outline, crease or seam that shows in colour, (size, size). Patterns are soft
    by themselves.
    """
    rough = np.zeros(depth.shape, dtype=bool)
    bent = np.zeros(depth.shape, dtype=bool)
    for axis in (0, 1):
        colours, depths = picture.swapaxes(1, 1 + axis), depth.swapaxes(0, axis)
        owners = owner.swapaxes(0, axis)
        seam = owners[1:] != owners[:-1]
        differs = np.abs(colours[:, 1:] - colours[:, :-1]).max(axis=0) > EDGE
        curve = np.abs(depths[2:] + depths[:-2] - 2 * depths[1:-1]) > CREASE
        view, fold = rough.swapaxes(0, axis), bent.swapaxes(0, axis)
        view[1:] |= differs
        view[:-1] |= differs
        fold[1:-1] |= curve
        fold[1:] |= seam
        fold[:-1] |= seam
    return rough & bent
