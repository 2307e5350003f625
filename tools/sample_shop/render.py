"""Render a studio photograph of a model: backdrop and shadow, the product, smooth edges."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from tools.sample_shop.camera import Camera, aim_camera
from tools.sample_shop.distance_fields import Array
from tools.sample_shop.model import Model, Part, View
from tools.sample_shop.palette import to_linear
from tools.sample_shop.ray_march import (
    PixelCoordinates,
    ambient_occlusion,
    combine,
    march_rays,
    soft_shadow,
)
from tools.sample_shop.shading import KEY, light_direction, shade, tone_map

Pixels = npt.NDArray[np.uint8]

TILE = 8
FLOOR_STEP = 3
EDGE = 0.04
CREASE = 0.006
FAR_DEPTH = np.float32(99)
SUBPIXELS = ((0.125, 0.625), (0.375, 0.125), (0.625, 0.875), (0.875, 0.375))
"""Rotated grid: four samples in different rows and columns."""


def render_photo(
    model: Model, view: View, paper: str, size: int = 400, spin: float = 0.0
) -> Pixels:
    """Return a picture of a model with a point cloud, (size, size, 3) uint8 sRGB.

    1. Light the backdrop, and find the pixels that rays may hit.
    2. Trace one ray through each of those pixels.
    3. Trace four more rays where the result has an edge, and average them.
    """
    camera = aim_camera(model, view, size, spin)
    tint = to_linear(paper)
    backdrop = _backdrop(model, camera, tint)
    starts = _march_starts(model, camera)
    y, x = np.nonzero(np.isfinite(starts))
    picture, layout = backdrop.copy(), np.full((2, size, size), FAR_DEPTH, dtype=np.float32)
    trace = functools.partial(_trace_rays, _Setup(model, camera, tint))
    centre = np.float32(0.5)
    picture[:, y, x], layout[:, y, x] = trace(
        x + centre, y + centre, starts[y, x], backdrop[:, y, x], (x, y)
    )
    display = tone_map(picture)
    y, x = np.nonzero(_find_edges(display, *layout) & np.isfinite(starts))
    fine = np.concatenate(
        [np.stack([x + np.float32(dx), y + np.float32(dy)]) for dx, dy in SUBPIXELS], axis=1
    )
    sharp, _ = trace(fine[0], fine[1], np.tile(starts[y, x], 4), np.tile(backdrop[:, y, x], 4))
    # Average after tone mapping, or bright highlights get rough edges.
    display[:, y, x] = tone_map(sharp).reshape(3, 4, -1).mean(axis=1)
    return (np.clip(display, 0, 1) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0)


def _far_distance(camera: Camera, model: Model) -> float:
    gap = model.cloud - camera.eye[:, None]
    return float(np.sqrt((gap * gap).sum(axis=0)).max()) + 0.1


def _march_starts(model: Model, camera: Camera) -> Array:
    """Return a safe start distance per pixel, infinite where no ray hits, (size, size)."""
    tiles = -(-camera.size // TILE)
    y, x = (
        axis.ravel().astype(np.float32) * TILE + TILE / 2 for axis in np.mgrid[0:tiles, 0:tiles]
    )
    nearest = combine([part.shape for part in model.parts])
    spread = camera.pixel * TILE * 0.75
    gap = model.cloud - camera.eye[:, None]
    near = max(float(np.sqrt((gap * gap).sum(axis=0)).min()) - 0.15, 0.01)
    begin = np.full(x.size, near, dtype=np.float32)
    reached = march_rays(
        nearest, camera.eye, camera.rays(x, y), begin, _far_distance(camera, model), spread
    )
    grid = reached.reshape(tiles, tiles) - np.float32(0.02)
    return np.repeat(np.repeat(grid, TILE, axis=0), TILE, axis=1)[: camera.size, : camera.size]


@dataclass(frozen=True, slots=True)
class _Setup:
    """One photograph: the model, the camera, and the backdrop's colour as linear light, (3,)."""

    model: Model
    camera: Camera
    paper: Array


def _trace_rays(
    setup: _Setup,
    x: Array,
    y: Array,
    start: Array,
    behind: Array,
    at: PixelCoordinates | None = None,
) -> tuple[Array, Array]:
    """Return light (3, n), and depth and part (2, n), of rays through pixel positions.

    Opaque parts cover the backdrop, then clear parts. `at` are the pixels of the rays, if each
    pixel has one ray.
    """
    rays = setup.camera.rays(x.astype(np.float32), y.astype(np.float32))
    solid = [part for part in setup.model.parts if not part.finish.clear]
    clear = [part for part in setup.model.parts if part.finish.clear]
    light, layout = behind.copy(), np.full((2, rays.shape[1]), FAR_DEPTH, dtype=np.float32)
    for parts in (solid, clear):
        if parts:
            _composite_layer(parts, setup, rays, start, light, layout, at)
    return light, layout


def _composite_layer(
    parts: list[Part],
    setup: _Setup,
    rays: Array,
    start: Array,
    light: Array,
    layout: Array,
    at: PixelCoordinates | None,
) -> None:
    """Draw the parts over the contents of `light` and `layout`, in place."""
    nearest = combine([part.shape for part in parts])
    limit = _far_distance(setup.camera, setup.model)
    t = march_rays(nearest, setup.camera.eye, rays, start, limit)
    hit = t < layout[0]
    if not hit.any():
        return
    p = setup.camera.eye[:, None] + rays[:, hit] * t[hit]
    spots = None if at is None else (at[0][hit], at[1][hit])
    surface = shade(parts, nearest, setup.camera, p, rays[:, hit], setup.paper, spots)
    glass = to_linear(parts[0].colour)[:, None] ** np.float32(0.5)
    light[:, hit] = surface.light + light[:, hit] * glass * surface.clear
    layout[:, hit] = t[hit], surface.owner


def _backdrop(model: Model, camera: Camera, tint: Array) -> Array:
    """Return seamless paper with a pool of light and the shadow, (3, size, size) linear."""
    size = camera.size
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) / np.float32(size)
    pool = np.hypot((columns - np.float32(0.44)) * np.float32(0.9), rows - np.float32(0.46))
    fall = np.float32(1.14) - np.float32(0.60) * pool * pool - np.float32(0.06) * rows
    return tint[:, None, None] * fall * _floor_shadow(model, camera)


def _floor_shadow(model: Model, camera: Camera) -> Array:
    """Return the light on the floor, (size, size); soft, so traced at a low resolution."""
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
    solid = combine([part.shape for part in model.parts])
    spots = p[:, near]
    up = np.broadcast_to(np.array([[0], [1], [0]], dtype=np.float32), spots.shape)
    cast = soft_shadow(solid, spots, light_direction(camera, KEY), hardness=4.5, steps=16)
    contact = ambient_occlusion(solid, spots, up, reach=0.32, samples=5)
    clear[near] = (np.float32(0.58) + np.float32(0.42) * cast) * (
        np.float32(0.45) + np.float32(0.55) * contact
    )
    small = Image.fromarray(_blur(clear.reshape(cells, cells)))
    wide = small.resize((cells * FLOOR_STEP, cells * FLOOR_STEP), Image.Resampling.BICUBIC)
    return np.asarray(wide, dtype=np.float32)[: camera.size, : camera.size]


def _blur(image: Array) -> Array:
    """Return the mean of 3 × 3 neighbours; edges are repeated."""
    padded = np.pad(image, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) * np.float32(1 / 9)


def _find_edges(picture: Array, depth: Array, owner: Array) -> npt.NDArray[np.bool_]:
    """Return a mask of pixels at an outline, crease or seam that is visible, (size, size).

    Patterns are left out: they have soft borders already.
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
