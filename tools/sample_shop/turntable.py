"""Short videos that turn a product once around."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import av
import numpy as np

from tools.sample_shop.distance_fields import Array
from tools.sample_shop.model import Model
from tools.sample_shop.render import photograph

FRAMES = 24
RATE = 12
SIZE = 320
LAYERS = 24


def write_turntable(
    model: Model, paper: str, path: Path, *, size: int = SIZE, frames: int = FRAMES
) -> None:
    """H.264 in MP4, playable while it loads. `size` is in pixels and even."""
    still = dataclasses.replace(model, cloud=_swept(model.cloud))
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        # The encoder's look-ahead decides by timing; without it the same frames give the same
        # bytes.
        stream = container.add_stream(
            "libx264", rate=RATE, options={"crf": "24", "tune": "zerolatency"}
        )
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        # One thread: the bytes must not depend on how many cores the machine has.
        stream.thread_count = 1
        for k in range(frames):
            pixels = photograph(still, model.views[0], paper, size, spin=360 * k / frames)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def _swept(cloud: Array) -> Array:
    """Rings around everything the turning cloud sweeps, so that every frame is framed alike."""
    heights = np.linspace(cloud[1].min(), cloud[1].max(), LAYERS, dtype=np.float32)
    layer = np.abs(cloud[1] - heights[:, None]).argmin(axis=0)
    reach = np.zeros(LAYERS, dtype=np.float32)
    np.maximum.at(reach, layer, np.hypot(cloud[0], cloud[2]))
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False, dtype=np.float32)[:, None]
    rings = np.stack(
        [reach * np.cos(angles), np.broadcast_to(heights, (16, LAYERS)), reach * np.sin(angles)]
    )
    return rings.reshape(3, -1)
