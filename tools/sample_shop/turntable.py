"""Short videos that turn a product once around."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import av
import numpy as np

from tools.sample_shop.distance_fields import Array
from tools.sample_shop.model import Model
from tools.sample_shop.render import render_photo

FRAME_COUNT = 24
FRAME_RATE = 12
SIZE = 320
LAYERS = 24


def write_turntable(
    model: Model, paper: str, path: Path, *, size: int = SIZE, frames: int = FRAME_COUNT
) -> None:
    """Write H.264 in MP4 that plays while it loads; `size` is in pixels and even."""
    still = dataclasses.replace(model, cloud=_sweep_cloud(model.cloud))
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        # The look-ahead of the encoder depends on timing; without it the bytes are reproducible.
        stream = container.add_stream(
            "libx264", rate=FRAME_RATE, options={"crf": "24", "tune": "zerolatency"}
        )
        stream.width = stream.height = size
        stream.pix_fmt = "yuv420p"
        # One thread: the bytes must not depend on the number of cores.
        stream.thread_count = 1
        for k in range(frames):
            pixels = render_photo(still, model.views[0], paper, size, spin=360 * k / frames)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def _sweep_cloud(cloud: Array) -> Array:
    """Return rings around the volume that the cloud sweeps, so that all frames are framed alike."""
    heights = np.linspace(cloud[1].min(), cloud[1].max(), LAYERS, dtype=np.float32)
    layer = np.abs(cloud[1] - heights[:, None]).argmin(axis=0)
    reach = np.zeros(LAYERS, dtype=np.float32)
    np.maximum.at(reach, layer, np.hypot(cloud[0], cloud[2]))
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False, dtype=np.float32)[:, None]
    rings = np.stack(
        [reach * np.cos(angles), np.broadcast_to(heights, (16, LAYERS)), reach * np.sin(angles)]
    )
    return rings.reshape(3, -1)
