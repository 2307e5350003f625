"""The configuration record: what a training was made of, saved in the weights' header. It holds
no date and no path.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import nn

from search.errors import InvalidWeights

LIBRARIES = ("torch", "numpy", "scipy", "safetensors", "pillow")
KEY = "configuration"


def library_versions() -> dict[str, str]:
    """Versions of the libraries that decide what comes out of a training."""
    return {name: version(name) for name in LIBRARIES}


def digest_of(content: Any) -> str:
    """SHA-256 of something that JSON can hold."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def module_digest(module: nn.Module) -> str:
    """SHA-256 of a module's weights and buffers."""
    found = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        found.update(f"{name}{tuple(tensor.shape)}".encode())
        found.update(tensor.detach().cpu().contiguous().numpy().data)
    return found.hexdigest()


def as_metadata(record: Mapping[str, Any]) -> dict[str, str]:
    """The record as the header of a safetensors file; equal records are equal bytes."""
    return {KEY: json.dumps(record, sort_keys=True)}


def read_record(weights: Path) -> dict[str, Any]:
    """The record in the header of a weights file. Raises InvalidWeights when there is none."""
    try:
        with safe_open(weights, "pt") as file:
            header = file.metadata() or {}
    except SafetensorError as error:
        raise InvalidWeights(
            f"{weights.name} is not a safetensors file: {error}", fix="Restore the file."
        ) from error
    if KEY not in header:
        raise InvalidWeights(
            "weights without a configuration record", value=weights.name, fix="Train them anew."
        )
    record: dict[str, Any] = json.loads(header[KEY])
    return record
