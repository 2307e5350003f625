"""Tuned heads on disk: a safetensors file named by its own SHA-256.

Its metadata names the towers that the heads belong to.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from search.encoders.weights import check_digest, read_safetensors
from search.errors import InvalidWeights
from search.files import sha256_hex, write_atomically

SUFFIX = ".safetensors"
METADATA_KEY = "record"
"""The only entry of the file's metadata: a JSON object."""

Heads = tuple[nn.Module, nn.Module]
"""The head over picture features and the head over text features."""


def save_tuned_heads(
    folder: Path, heads: Heads, *, tower_id: str, dim: int, notes: Mapping[str, Any]
) -> Path:
    """Write heads in float16 and return the file; `notes` says how they were made.

    The file is written atomically, so that a killed process leaves no partial heads.
    """
    tensors: dict[str, Tensor] = {}
    for kind, head in zip(("picture", "text"), heads, strict=True):
        for name, tensor in head.state_dict().items():
            tensors[f"{kind}.{name}"] = tensor.to(torch.float16).contiguous()
    record = {**notes, "towers": tower_id, "dim": dim}
    # One metadata entry, because safetensors writes several in no fixed order, and equal heads
    # should give equal files.
    content = save(tensors, metadata={METADATA_KEY: json.dumps(record)})
    path = folder / f"{sha256_hex(content)}{SUFFIX}"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    return path


def read_tuned_heads(
    path: Path, *, tower_id: str, dim: int
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the tensors of the picture head and the text head, float32.

    Raises WeightsMissing without the file. Raises InvalidWeights when the file's name is not its
    checksum, when it is not a safetensors file, or when it belongs to other towers or another
    dimension.
    """
    check_digest(path, path.stem)
    weights = read_safetensors(path)
    record = _read_record(path)
    made_for = (record.get("towers"), record.get("dim"))
    if made_for != (tower_id, dim):
        raise InvalidWeights(
            f"the tuned heads belong to other towers than {tower_id} of dimension {dim}",
            value=made_for,
            fix="Tune this preset anew: manage.py tune.",
        )
    return _with_prefix(weights, "picture."), _with_prefix(weights, "text.")


def _read_record(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        return dict(json.loads((file.metadata() or {}).get(METADATA_KEY, "{}")))


def _with_prefix(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor.float()
        for name, tensor in weights.items()
        if name.startswith(prefix)
    }
