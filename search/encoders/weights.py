"""Weights files: checksums, safetensors, and matrices stored in 8 bits.

Only safetensors are read, because reading a pickle runs code.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from search.errors import InvalidWeights, WeightsMissing
from search.files import file_sha256

SCALE_PREFIX = "scale of "
MAX_INT8 = 127


def check_digest(path: Path, expected: str) -> None:
    """Check a file's SHA-256.

    Raises WeightsMissing without the file, InvalidWeights when the checksum differs.
    """
    if not path.is_file():
        raise WeightsMissing(
            "a weights file is missing",
            value=str(path),
            fix="Install the product's packages again.",
        )
    actual = file_sha256(path)
    if actual != expected:
        raise InvalidWeights(
            f"weights file {path.name} is not the one that the preset names: "
            f"SHA-256 should be {expected}",
            value=actual,
            fix="Restore the file, or train anew so that file and preset agree.",
        )


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Read every tensor of a file. Raises InvalidWeights for any other format."""
    try:
        return load_file(path)
    except SafetensorError as error:
        raise InvalidWeights(
            f"{path.name} is not a safetensors file: {error}",
            fix="Only safetensors are accepted, never a pickle.",
        ) from error


def load_weights(module: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Copy weights into a module. Raises InvalidWeights when a name or a shape differs."""
    try:
        module.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise InvalidWeights(
            f"{source} does not fit the model: {error}", fix="Train anew, or restore the file."
        ) from error


def pack_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Compress named tensors for storage: matrices to 8 bits, everything else to float16.

    A matrix becomes int8 with one scale per row, stored under its name after SCALE_PREFIX.
    Source: Dettmers et al., LLM.int8() (2022), section 2: symmetric quantisation by the largest
    value of each row.
    """
    stored = {}
    for name, tensor in weights.items():
        if tensor.ndim != 2:
            stored[name] = tensor.to(torch.float16).contiguous()
            continue
        scale = (tensor.abs().amax(1, keepdim=True) / MAX_INT8).clamp(min=1e-7)
        stored[name] = (tensor / scale).round().to(torch.int8).contiguous()
        stored[f"{SCALE_PREFIX}{name}"] = scale
    return stored


def unpack_weights(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Reverse `pack_weights`, to float32; a matrix stored without a scale is kept as it is."""
    return {
        name: tensor.float() * stored.get(f"{SCALE_PREFIX}{name}", torch.ones(()))
        for name, tensor in stored.items()
        if not name.startswith(SCALE_PREFIX)
    }
