"""Value noise from a hash: the same on every machine with IEEE 754 arithmetic."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tools.sample_shop.distance_fields import Array

Cells = npt.NDArray[np.int32]


def hash_noise(i: Cells, j: Cells, salt: int = 0) -> Array:
    """Return a uniform value 0…1 for each integer cell, in the shape of `i`."""
    h = i.astype(np.uint32) * np.uint32(374761393) + j.astype(np.uint32) * np.uint32(668265263)
    h += np.uint32((salt * 2246822519) & 0xFFFFFFFF)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(1274126177)
    return ((h ^ (h >> np.uint32(16))) & np.uint32(0xFFFF)).astype(np.float32) * np.float32(
        1 / 65535
    )


def value_noise(x: Array, y: Array, salt: int = 0) -> Array:
    """Return smooth noise 0…1 with features one unit wide."""
    fi, fj = np.floor(x), np.floor(y)
    i, j = fi.astype(np.int32), fj.astype(np.int32)
    u, v = x - fi, y - fj
    u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
    bottom = hash_noise(i, j, salt)
    bottom += (hash_noise(i + 1, j, salt) - bottom) * u
    top = hash_noise(i, j + 1, salt)
    top += (hash_noise(i + 1, j + 1, salt) - top) * u
    return bottom + (top - bottom) * v
