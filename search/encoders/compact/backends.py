"""What runs the picture network: torch where it multiplies bfloat16 or has a GPU, else ONNX
Runtime.

docs/adr/0005-serving-the-compact-encoder.md has the figures behind this choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from search.encoders.compact.network import load_network
from search.encoders.device import Runtime

Maps = dict[str, Tensor]


class Backend(Protocol):
    """Prepared pictures (n, 3, 224, 224) float32 on its device → feature maps (n, c, h, w)
    float32, by name.
    """

    @property
    def device(self) -> torch.device:
        """Where pictures are taken and maps are given."""

    @property
    def at_once(self) -> int:
        """How many pictures one call should hold: more would leave the caches, or what the
        allocator keeps.
        """

    def __call__(self, pixels: Tensor) -> Maps:
        """Runs under torch's inference mode."""


class TorchBackend:
    """The network in torch, in the runtime's precision. Channels last is what convolutions are
    fastest with.
    """

    def __init__(self, maps: Sequence[str], runtime: Runtime) -> None:
        self.device = runtime.device
        self.at_once = runtime.picture_batch_size if runtime.device.type == "cuda" else 8
        self._dtype = runtime.dtype
        self._network = runtime.place(load_network(maps))

    def __call__(self, pixels: Tensor) -> Maps:
        found = self._network(pixels.to(self._dtype, memory_format=torch.channels_last))
        return {name: each.float() for name, each in found.items()}


def pick_backend(maps: Sequence[str], runtime: Runtime, *, quantised: bool) -> Backend:
    """The fastest backend of a device and precision; INT8 where asked for."""
    if not quantised and (runtime.device.type != "cpu" or runtime.dtype != torch.float32):
        return TorchBackend(maps, runtime)
    # Imported here: a process that torch serves well does without ONNX Runtime.
    from search.encoders.compact.onnx_backend import OnnxBackend

    return OnnxBackend(maps, quantised=quantised)
