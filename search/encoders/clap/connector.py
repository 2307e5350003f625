"""A connector: the affine map from CLAP's space into that of the preset beside which it hears.

It is learned from texts alone, because both spaces have a text side: the same text through both
towers. Source: Wang et al., Connecting Multi-modal Contrastive Representations (2023), which
adds noise to close the gap between a space's texts and its other modality; for an affine map
that noise is the penalty of a ridge regression (Bishop 1995, Training with Noise is Equivalent
to Tikhonov Regularization), so the map has a closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import save_file

from search.encoders.weights import read_safetensors
from search.errors import InvalidWeights, WeightsMissing
from search.types import Vectors

FILE = "connector.safetensors"
NOISE = 0.05
"""Deviation of the noise on each number of a unit vector."""


@dataclass(frozen=True, slots=True)
class Connector:
    """`weight` (dim, width) and `bias` (dim,), float32."""

    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def __call__(self, vectors: Vectors) -> Vectors:
        """Unit vectors of CLAP (n, width) → unit vectors of the space (n, dim)."""
        found = vectors @ self.weight.T + self.bias
        return cast(
            "Vectors", found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6)
        )

    def save(self, path: Path) -> None:
        save_file(
            {"weight": torch.from_numpy(self.weight), "bias": torch.from_numpy(self.bias)}, path
        )


def fit_connector(theirs: Vectors, ours: Vectors, noise: float = NOISE) -> Connector:
    """Vectors of the same texts in both spaces, (n, width) and (n, dim) → the map with the least
    squared error.
    """
    mean, target = theirs.mean(0), ours.mean(0)
    centred = (theirs - mean).astype(np.float64)
    penalty = len(theirs) * noise**2 * np.eye(theirs.shape[1])
    weight = np.linalg.solve(centred.T @ centred + penalty, centred.T @ (ours - target)).T
    bias = target - weight @ mean
    return Connector(np.ascontiguousarray(weight, np.float32), bias.astype(np.float32))


def load_connector(path: Path, dim: int, preset: str) -> Connector:
    """Raises WeightsMissing with the command that learns it, InvalidWeights for one into another
    dimension.
    """
    fix = f"Learn it: python -m search.tuning.connector --preset {preset}"
    if not path.is_file():
        raise WeightsMissing(
            "the connector of CLAP into this space is not here", value=str(path), fix=fix
        )
    tensors = read_safetensors(path)
    if set(tensors) != {"weight", "bias"} or len(tensors["bias"]) != dim:
        raise InvalidWeights(
            f"{path.name} is no connector into a space of {dim} dimensions", fix=fix
        )
    return Connector(tensors["weight"].numpy(), tensors["bias"].numpy())
