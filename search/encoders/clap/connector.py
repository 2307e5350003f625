"""The connector: an affine map from CLAP's space into the space of the base preset.

It is learned from texts alone, which both spaces can encode. Source: Wang et al., Connecting
Multi-modal Contrastive Representations (2023), which adds noise to close the gap between a
space's texts and its other modality. For an affine map that noise is the penalty of a ridge
regression (Bishop 1995, Training with Noise is Equivalent to Tikhonov Regularization), so the map
has a closed form.
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
"""Standard deviation of the noise on each component of a unit vector."""


@dataclass(frozen=True, slots=True)
class Connector:
    """An affine map with `weight` (dim, width) and `bias` (dim,)."""

    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def __call__(self, vectors: Vectors) -> Vectors:
        """CLAP's unit vectors (n, width) → unit vectors of the base space (n, dim)."""
        mapped = vectors @ self.weight.T + self.bias
        norms = np.maximum(np.linalg.norm(mapped, axis=1, keepdims=True), 1e-6)
        return cast("Vectors", mapped / norms)

    def save(self, path: Path) -> None:
        save_file(
            {"weight": torch.from_numpy(self.weight), "bias": torch.from_numpy(self.bias)}, path
        )


def fit_connector(source: Vectors, target: Vectors, noise: float = NOISE) -> Connector:
    """Fit the map with the least squared error on vectors of the same texts.

    `source` holds CLAP's vectors, (n, width), and `target` those of the base space, (n, dim).
    """
    source_mean, target_mean = source.mean(0), target.mean(0)
    centred = (source - source_mean).astype(np.float64)
    penalty = len(source) * noise**2 * np.eye(source.shape[1])
    weight = np.linalg.solve(centred.T @ centred + penalty, centred.T @ (target - target_mean)).T
    bias = target_mean - weight @ source_mean
    return Connector(np.ascontiguousarray(weight, np.float32), bias.astype(np.float32))


def load_connector(path: Path, dim: int, preset: str) -> Connector:
    """Read a connector into a space of `dim` dimensions.

    Raises WeightsMissing with the command that trains it, InvalidWeights for another dimension.
    """
    fix = f"Train it: python -m search.tuning.connector --preset {preset}"
    if not path.is_file():
        raise WeightsMissing(
            "the connector from CLAP into this space is missing", value=str(path), fix=fix
        )
    tensors = read_safetensors(path)
    if set(tensors) != {"weight", "bias"} or len(tensors["bias"]) != dim:
        raise InvalidWeights(
            f"{path.name} is not a connector into a space of {dim} dimensions", fix=fix
        )
    return Connector(tensors["weight"].numpy(), tensors["bias"].numpy())
