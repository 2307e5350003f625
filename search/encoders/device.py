"""Device, precision and compilation of models on this machine."""

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

from search.config import EngineSettings, Precision, engine_settings
from search.cpu import available_cores
from search.errors import ConfigError

Module = TypeVar("Module", bound=nn.Module)

INDUCTOR = "inductor"
PRECISION_FIX = "Set OMNISHELF_PRECISION to auto."


@dataclass(frozen=True, slots=True)
class Runtime:
    """Device, precision and optional torch.compile backend of a model.

    Precision and compilation change a vector only by rounding, so they are not part of the space.
    """

    device: torch.device
    dtype: torch.dtype
    compiler: str | None = None

    @property
    def picture_batch_size(self) -> int:
        """Pictures per call: few enough for a CPU's caches, enough to fill a GPU."""
        return 256 if self.device.type == "cuda" else 32

    @property
    def max_concurrent_calls(self) -> int:
        """Concurrent calls: on a CPU as many as there are cores for.

        Concurrent calls use cores better than the threads of one call, which wait for each other
        after every operation.
        """
        if self.device.type == "cuda":
            return 1
        return max(1, available_cores() // torch.get_num_threads())

    def call_slots(self) -> threading.BoundedSemaphore:
        """Return a semaphore to hold during each call of the model."""
        return threading.BoundedSemaphore(self.max_concurrent_calls)

    def place(self, module: Module) -> Module:
        """Freeze a module, move it to this device and precision, and compile it if enabled."""
        return self.compile(module.to(self.device, self.dtype).eval().requires_grad_(False))

    def compile(self, module: Module) -> Module:
        """Mark a module for compilation if enabled.

        It is compiled at its first call, again for its second input shape, and then once for any
        shape.
        """
        if self.compiler is not None:
            module.compile(backend=self.compiler)
        return module

    def stack(self, rows: Sequence[npt.NDArray[np.float32]]) -> Tensor:
        """Stack arrays of one shape into a tensor on this device, with a single copy."""
        tensors = [torch.from_numpy(row) for row in rows]
        shape = (len(rows), *rows[0].shape)
        batch = torch.empty(shape, dtype=tensors[0].dtype, pin_memory=self.device.type == "cuda")
        return self.send(torch.stack(tensors, out=batch)).to(self.dtype)

    def send(self, inputs: Tensor) -> Tensor:
        """Move inputs to this device; from pinned memory the copy overlaps GPU computation."""
        return inputs.to(self.device, non_blocking=inputs.is_pinned())


@contextmanager
def use_all_cores() -> Iterator[None]:
    """Let torch operations of this thread use all cores: for sequential work such as training."""
    before = torch.get_num_threads()
    torch.set_num_threads(engine_settings().threads or available_cores())
    try:
        yield
    finally:
        torch.set_num_threads(before)


def pick_runtime(settings: EngineSettings) -> Runtime:
    """Return the device, precision and compiler that the settings choose.

    float16 is never chosen, because it overflows in the largest models (embeddinggemma-2's model
    card). Models are compiled on CUDA unless that is switched off. Raises ConfigError for a
    device, precision or compilation that this machine does not offer.
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


def pick_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """Return bfloat16 if the hardware multiplies it natively, else float32, or as named.

    Raises ConfigError for `bf16` on hardware that only emulates it, and for `int8`, which is not
    a floating-point type.
    """
    if precision == "int8":
        raise ConfigError("this encoder has no INT8 mode", value=precision, fix=PRECISION_FIX)
    native = _has_bfloat16(device)
    if precision == "bf16" and not native:
        raise ConfigError(
            f"this {device.type.upper()} has no bfloat16 arithmetic",
            value=precision,
            fix=PRECISION_FIX,
        )
    return torch.bfloat16 if native and precision != "fp32" else torch.float32


def require_int8(device: torch.device) -> None:
    """Raise ConfigError if INT8 is not available: on a GPU, and on x86 without VNNI.

    The older x86 instruction saturates large sums (ONNX Runtime, "Quantize ONNX models").
    """
    if device.type != "cpu":
        raise ConfigError(
            "INT8 runs on a CPU",
            value=device.type,
            fix="Set OMNISHELF_DEVICE to cpu, or OMNISHELF_PRECISION to auto.",
        )
    capabilities = torch.cpu.get_capabilities()
    has_vnni = any(capabilities.get(name, False) for name in ("avx512_vnni", "avx_vnni"))
    if capabilities.get("architecture") == "x86_64" and not has_vnni:
        raise ConfigError("this CPU has no VNNI, which INT8 needs", value="int8", fix=PRECISION_FIX)


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def _pick_compiler(settings: EngineSettings, device: torch.device) -> str | None:
    if settings.compile == "off" or (settings.compile == "auto" and device.type != "cuda"):
        return None
    missing = _missing_for_compilation(device)
    if missing and settings.compile == "on":
        raise ConfigError(
            f"models cannot be compiled here: {missing} is missing",
            value="on",
            fix="Install it (Debian: apt-get install g++), or set OMNISHELF_COMPILE to off.",
        )
    return None if missing else INDUCTOR


def _missing_for_compilation(device: torch.device) -> str | None:
    """Return what torch.compile's default backend lacks; it calls a host compiler everywhere."""
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        return "the package triton"
    variable, default = ("CC", "gcc") if device.type == "cuda" else ("CXX", "g++")
    compiler = os.environ.get(variable, default)
    return None if shutil.which(compiler) else f"the compiler {compiler}"
