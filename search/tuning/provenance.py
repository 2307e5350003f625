"""The training record in the header of a weights file: recipe, data and libraries.

It holds no date and no path, so that equal trainings give equal files.
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
METADATA_KEY = "configuration"


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that influence a training."""
    return {name: version(name) for name in LIBRARIES}


def json_digest(content: Any) -> str:
    """Return the SHA-256 of JSON content; key order does not matter."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def module_digest(module: nn.Module) -> str:
    """Return the SHA-256 of a module's weights and buffers."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()


def to_metadata(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the record as safetensors metadata; equal records give equal bytes."""
    return {METADATA_KEY: json.dumps(record, sort_keys=True)}


def read_record(weights: Path) -> dict[str, Any]:
    """Return the record of a weights file. Raises InvalidWeights when there is none."""
    try:
        with safe_open(weights, "pt") as file:
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise InvalidWeights(
            f"{weights.name} is not a safetensors file: {error}", fix="Restore the file."
        ) from error
    if METADATA_KEY not in metadata:
        raise InvalidWeights(
            "weights without a configuration record", value=weights.name, fix="Train them anew."
        )
    record: dict[str, Any] = json.loads(metadata[METADATA_KEY])
    return record
