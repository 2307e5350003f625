"""Tuned heads on disk: one safetensors file named by its own SHA-256, with a record of the
towers it belongs to.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn

from search.encoders.weights import check_digest, read_safetensors
from search.errors import InvalidWeights

SUFFIX = ".safetensors"
RECORD = "record"
"""The one entry of the file's metadata: a JSON object."""

Heads = tuple[nn.Module, nn.Module]
"""The head over picture features and the head over text features, in this order."""


def store_heads(
    folder: Path, heads: Heads, *, tower_id: str, dim: int, notes: Mapping[str, Any]
) -> Path:
    """Write heads in half precision, with `notes` (how they were made) beside the record.
    Returns the file.

    The file appears whole or not at all, so that a killed process leaves nothing that could be
    taken for heads.
    """
    named = zip(("picture", "text"), heads, strict=True)
    tensors = {
        f"{kind}.{name}": tensor.to(torch.float16).contiguous()
        for kind, head in named
        for name, tensor in head.state_dict().items()
    }
    record = {**notes, "towers": tower_id, "dim": dim}
    # One entry, because the library writes several in no fixed order, and the same heads should
    # give the same file.
    content = save(tensors, metadata={RECORD: json.dumps(record)})
    path = folder / f"{hashlib.sha256(content).hexdigest()}{SUFFIX}"
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f".{path.name}.{os.getpid()}"
    with unfinished.open("wb") as file:
        file.write(content)
        os.fsync(file.fileno())
    unfinished.replace(path)
    return path


def read_heads(
    path: Path, *, tower_id: str, dim: int
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The tensors of both heads, float32.

    Raises WeightsMissing without the file, InvalidWeights when its name is not its checksum,
    when it is no safetensors file, or when it was made for other towers or another dimension.
    """
    check_digest(path, path.stem)
    weights = read_safetensors(path)
    record = _record(path)
    made_for = (record.get("towers"), record.get("dim"))
    if made_for != (tower_id, dim):
        raise InvalidWeights(
            f"the tuned heads were made for other towers than {tower_id} of dimension {dim}",
            value=made_for,
            fix="Tune this preset anew: manage.py tune.",
        )
    return _part(weights, "picture."), _part(weights, "text.")


def _record(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        return dict(json.loads((file.metadata() or {}).get(RECORD, "{}")))


def _part(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): tensor.float()
        for name, tensor in weights.items()
        if name.startswith(prefix)
    }
