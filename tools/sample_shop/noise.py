"""Hash-based value noise, the same on every machine that rounds like IEEE 754."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tools.sample_shop.distance_fields import Array

Cells = npt.NDArray[np.int32]


def hashed(i: Cells, j: Cells, salt: int = 0) -> Array:
    """Uniform 0…1 per integer cell, shape as `i`."""
    h = i.astype(np.uint32) * np.uint32(374761393) + j.astype(np.uint32) * np.uint32(668265263)
    h += np.uint32((salt * 2246822519) & 0xFFFFFFFF)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(1274126177)
    return ((h ^ (h >> np.uint32(16))) & np.uint32(0xFFFF)).astype(np.float32) * np.float32(
        1 / 65535
    )


def value(x: Array, y: Array, salt: int = 0) -> Array:
    """Smooth noise 0…1 with features one unit wide."""
    fi, fj = np.floor(x), np.floor(y)
    i, j = fi.astype(np.int32), fj.astype(np.int32)
    u, v = x - fi, y - fj
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    bottom = hashed(i, j, salt)
    bottom += (hashed(i + 1, j, salt) - bottom) * u
    top = hashed(i, j + 1, salt)
    top += (hashed(i + 1, j + 1, salt) - top) * u
    return bottom + (top - bottom) * v
