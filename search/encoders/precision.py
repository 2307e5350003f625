"""How precisely a model computes: what this machine does fast without loss, or what the settings
ask for.
"""

from __future__ import annotations

import torch

from search.config import Precision
from search.errors import ConfigError

FASTER = "Set OMNISHELF_PRECISION to auto."


def pick_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """bfloat16 where the hardware multiplies it natively, else float32, unless the precision is
    named.

    Raises ConfigError for `bf16` on hardware that only emulates it, and for `int8`, which no
    floating-point type is.
    """
    if precision == "int8":
        raise ConfigError("this encoder is not offered in INT8", value=precision, fix=FASTER)
    native = _multiplies_bfloat16(device)
    if precision == "bf16" and not native:
        raise ConfigError(
            f"this {device.type.upper()} has no bfloat16 arithmetic", value=precision, fix=FASTER
        )
    return torch.bfloat16 if native and precision != "fp32" else torch.float32


def require_int8(device: torch.device) -> None:
    """Raises ConfigError where INT8 is not offered: on a GPU, and on x86 without VNNI, whose
    older instruction loses the top of large sums (ONNX Runtime, "Quantize ONNX models").
    """
    if device.type != "cpu":
        raise ConfigError(
            "INT8 runs on a CPU", value=device.type, fix="Set OMNISHELF_DEVICE to cpu, or " + FASTER
        )
    has = torch.cpu.get_capabilities()
    if has.get("architecture") == "x86_64" and not any(
        has.get(name, False) for name in ("avx512_vnni", "avx_vnni")
    ):
        raise ConfigError("this CPU has no VNNI, which INT8 needs", value="int8", fix=FASTER)


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))
