"""Where and how precisely a model runs on this machine."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from search.config import EngineSettings
from search.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Runtime:
    """Device and precision of a model. Precision moves a vector by rounding alone, so it is not part of the space."""

    device: torch.device
    dtype: torch.dtype

    @property
    def picture_batch_size(self) -> int:
        """Small enough on a CPU to stay in its caches, large enough on a GPU to fill it."""
        return 256 if self.device.type == "cuda" else 32


def pick_runtime(settings: EngineSettings) -> Runtime:
    """Device from the settings; bfloat16 where the hardware multiplies it natively, else float32.

    Raises ConfigError when `cuda` is asked for and there is none.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    available = torch.cuda.is_available()
    if settings.device == "cuda" and not available:
        raise ConfigError("no CUDA device here", value="cuda", fix="Set OMNISHELF_DEVICE to auto or cpu.")
    device = torch.device("cuda" if available and settings.device != "cpu" else "cpu")
    return Runtime(device, torch.bfloat16 if _multiplies_bfloat16(device) else torch.float32)


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
