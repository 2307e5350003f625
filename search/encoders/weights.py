"""Reading weights that were shipped with a checksum: safetensors alone, because a pickle runs
code when it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from search.errors import InvalidWeights, WeightsMissing
from search.files import file_sha256


def check_digest(path: Path, expected: str) -> None:
    """Raises WeightsMissing without the file, InvalidWeights when its checksum is not
    `expected`.
    """
    if not path.is_file():
        raise WeightsMissing(
            "a weights file is missing",
            value=str(path),
            fix="Install the product's packages again.",
        )
    found = file_sha256(path)
    if found != expected:
        raise InvalidWeights(
            f"weights file {path.name} is not the one that the preset names: SHA-256 should be {expected}",
            value=found,
            fix="Restore the file, or train anew so that file and preset agree.",
        )


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a safetensors file. Raises InvalidWeights for any other format."""
    try:
        return load_file(path)
    except SafetensorError as error:
        raise InvalidWeights(
            f"{path.name} is not a safetensors file: {error}",
            fix="Only safetensors are accepted, never a pickle.",
        ) from error


def fill(module: nn.Module, weights: Mapping[str, Tensor], source: str) -> None:
    """Copy weights into a module. Raises InvalidWeights when a name or a shape differs."""
    try:
        module.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise InvalidWeights(
            f"{source} does not fit the model: {error}", fix="Train anew, or restore the file."
        ) from error
