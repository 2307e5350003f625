"""Where, how precisely and how fast a model runs on this machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from search.config import EngineSettings, engine_settings
from search.cpu import available_cores
from search.encoders.precision import pick_dtype
from search.errors import ConfigError

Module = TypeVar("Module", bound=nn.Module)

INDUCTOR = "inductor"


@dataclass(frozen=True, slots=True)
class Runtime:
    """Device and precision of a model, and the torch.compile backend, if any.

    Precision and compilation move a vector by rounding alone, so they are not part of the space.
    """

    device: torch.device
    dtype: torch.dtype
    compiler: str | None = None

    @property
    def picture_batch_size(self) -> int:
        """Small enough on a CPU to stay in its caches, large enough on a GPU to fill it."""
        return 256 if self.device.type == "cuda" else 32

    @property
    def max_concurrent_calls(self) -> int:
        """On a CPU as many as cores allow: calls side by side share cores better than the
        threads of one call do, which wait for each other after every operation.
        """
        return (
            1
            if self.device.type == "cuda"
            else max(1, available_cores() // torch.get_num_threads())
        )

    def turns(self) -> threading.BoundedSemaphore:
        """To be held during a call of the model."""
        return threading.BoundedSemaphore(self.max_concurrent_calls)

    def place(self, module: Module) -> Module:
        """The module itself, frozen, on this device in this precision, compiled where that was
        chosen.
        """
        return self.compile(module.to(self.device, self.dtype).eval().requires_grad_(False))

    def compile(self, module: Module) -> Module:
        """The module itself; compiled at its first call, anew for its second input shape and
        then for any shape.
        """
        if self.compiler is not None:
            module.compile(backend=self.compiler)
        return module

    def stack(self, rows: Sequence[npt.NDArray[np.float32]]) -> Tensor:
        """Arrays of one shape → one tensor on this device in this precision, copied once on the
        way.
        """
        tensors = [torch.from_numpy(row) for row in rows]
        shape = (len(rows), *rows[0].shape)
        batch = torch.empty(shape, dtype=tensors[0].dtype, pin_memory=self.device.type == "cuda")
        return self.send(torch.stack(tensors, out=batch)).to(self.dtype)

    def send(self, inputs: Tensor) -> Tensor:
        """Inputs → this device. From pinned memory the copy runs beside what the GPU still
        computes.
        """
        return inputs.to(self.device, non_blocking=inputs.is_pinned())


@contextmanager
def use_all_cores() -> Iterator[None]:
    """Torch operations of this thread use all cores inside: for work that is one long chain, as
    training is.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(engine_settings().threads or available_cores())
    try:
        yield
    finally:
        torch.set_num_threads(before)


def pick_runtime(settings: EngineSettings) -> Runtime:
    """Device and precision from the settings; never float16, which overflows in the largest
    models (embeddinggemma-2's model card). Compiled on CUDA unless switched off.

    Raises ConfigError when a device, a precision or a compilation is asked for that this machine
    does not offer.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    available = torch.cuda.is_available()
    if settings.device == "cuda" and not available:
        raise ConfigError(
            "no CUDA device here", value="cuda", fix="Set OMNISHELF_DEVICE to auto or cpu."
        )
    device = torch.device("cuda" if available and settings.device != "cpu" else "cpu")
    return Runtime(device, pick_dtype(settings.precision, device), _pick_compiler(settings, device))


def _pick_compiler(settings: EngineSettings, device: torch.device) -> str | None:
    if settings.compile == "off" or (settings.compile == "auto" and device.type != "cuda"):
        return None
    lacking = _lacking_to_compile(device)
    if lacking and settings.compile == "on":
        raise ConfigError(
            f"models cannot be compiled here: {lacking} is missing",
            value="on",
            fix="Install it (Debian: apt-get install g++), or set OMNISHELF_COMPILE to off.",
        )
    return None if lacking else INDUCTOR


def _lacking_to_compile(device: torch.device) -> str | None:
    """What torch.compile's default backend needs and this machine lacks: it calls a host
    compiler on every device.
    """
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        return "the package triton"
    variable, usual = ("CC", "gcc") if device.type == "cuda" else ("CXX", "g++")
    compiler = os.environ.get(variable, usual)
    return None if shutil.which(compiler) else f"the compiler {compiler}"
