"""Patterns: functions from surface coordinates to a mask, 0 for the base colour, 1 the accent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tools.sample_shop import noise
from tools.sample_shop.distance_fields import Array

Pattern = Callable[[Array, Array], Array]
"""(u, v) in cells, each (n,) → mask (n,). The period in u is 1 or 2: it closes around a lathe."""

Floats = npt.NDArray[np.floating[Any]]

SOFT = np.float32(0.04)


def _edge(signed: Floats) -> Array:
    """Return 1 where `signed` is negative, with a soft border."""
    return np.clip(np.float32(0.5) - signed / SOFT, 0, 1)


def _tile(u: Floats) -> Array:
    return u - np.floor(u) - np.float32(0.5)


def stripes(u: Array, v: Array) -> Array:
    return _edge(np.abs(_tile(v)) - np.float32(0.24))


def uprights(u: Array, v: Array) -> Array:
    return _edge(np.abs(_tile(u)) - np.float32(0.22))


def dots(u: Array, v: Array) -> Array:
    row = np.floor(v)
    shifted = u + (row % 2) * np.float32(0.5)
    return _edge(np.hypot(_tile(shifted), _tile(v)) - np.float32(0.27))


def checks(u: Array, v: Array) -> Array:
    """Return gingham: two crossing bands of half strength."""
    return (
        _edge(np.abs(_tile(u)) - np.float32(0.25)) + _edge(np.abs(_tile(v)) - np.float32(0.25))
    ) * np.float32(0.5)


def zigzag(u: Array, v: Array) -> Array:
    wave = np.abs(_tile(u)) * np.float32(1.2)
    return _edge((np.abs(_tile(v + wave)) - np.float32(0.22)) * np.float32(0.7))


def waves(u: Array, v: Array) -> Array:
    return _edge(
        np.abs(_tile(v + np.sin(u * np.float32(2 * np.pi)) * np.float32(0.22))) - np.float32(0.2)
    )


def diamonds(u: Array, v: Array) -> Array:
    return _edge(
        (np.abs(_tile(u)) + np.abs(_tile(v * np.float32(0.7))) - np.float32(0.36)) * np.float32(0.8)
    )


def floral(u: Array, v: Array) -> Array:
    """Return flowers of five petals in offset rows, each at its own angle."""
    row = np.floor(v)
    shifted = u + (row % 2) * np.float32(0.5)
    column = np.floor(shifted)
    x, y = _tile(shifted), _tile(v)
    turn = noise.hash_noise((column % 2).astype(np.int32), row.astype(np.int32)) * np.float32(6.28)
    radius, angle = np.hypot(x, y), np.arctan2(y, x) + turn
    petals = radius - np.float32(0.25) - np.float32(0.13) * np.cos(angle * 5)
    return _edge(petals) * (1 - _edge(radius - np.float32(0.09)))


def terrazzo(u: Array, v: Array) -> Array:
    """Return irregular chips, one in most cells."""
    i, j = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
    cx = _tile(u) - (noise.hash_noise(i, j, 1) - np.float32(0.5)) * np.float32(0.4)
    cy = _tile(v) - (noise.hash_noise(i, j, 2) - np.float32(0.5)) * np.float32(0.4)
    angle = np.arctan2(cy, cx) + noise.hash_noise(i, j, 3) * 6
    size = np.float32(0.12) + noise.hash_noise(i, j, 4) * np.float32(0.2)
    chip = np.hypot(cx, cy) - size * (
        1 + np.float32(0.28) * np.cos(angle * 3) + np.float32(0.15) * np.cos(angle * 5)
    )
    return _edge(chip) * (np.float32(0.55) + np.float32(0.45) * noise.hash_noise(i, j, 5))


def stars(u: Array, v: Array) -> Array:
    row = np.floor(v)
    x, y = _tile(u + (row % 2) * np.float32(0.5)), _tile(v)
    sector = np.float32(2 * np.pi / 5)
    angle = np.arctan2(x, y)
    angle -= np.round(angle / sector) * sector
    radius = np.hypot(x, y)
    reach = radius * (np.cos(angle) + np.float32(1.35) * np.abs(np.sin(angle)))
    return _edge(reach - np.float32(0.34))


PATTERNS: dict[str, Pattern] = {
    "striped": stripes,
    "pinstriped": uprights,
    "dotted": dots,
    "checked": checks,
    "zigzag": zigzag,
    "wavy": waves,
    "diamond": diamonds,
    "floral": floral,
    "terrazzo": terrazzo,
    "starry": stars,
}
"""All patterns except `plain`, by their name in titles and attributes."""

SCALES = {"floral": 1.5, "starry": 1.25, "terrazzo": 0.8, "checked": 0.9, "diamond": 0.9}
"""Cell size relative to stripes: detailed patterns need larger cells."""
