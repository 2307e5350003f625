"""Small trained heads that map the frozen towers into one space."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from search.encoders.compact.imagenet_labels import LabelEmbedding
from search.encoders.weights import load_weights, pack_weights, read_safetensors, unpack_weights
from search.errors import InvalidWeights

DIM = 384
MIN_DEVIATION = 1e-3
LABEL_VECTORS = "classes.words"
"""Name of the label vectors in a file."""


class PictureHead(nn.Module):
    """Picture features (n, features) → unit vectors (n, 384).

    A linear map plus a correction with one hidden layer, plus the label embedding `classes` if
    there is one. Features are standardised by the training set's mean and deviation, which are
    stored with the weights.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        features: int,
        hidden: int,
        dropout: float = 0.0,
        classes: LabelEmbedding | None = None,
    ) -> None:
        super().__init__()
        self.features = features
        self.classes = classes
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.linear = nn.Linear(features, DIM)
        self.inner = nn.Linear(features, hidden)
        self.outer = nn.Linear(hidden, DIM)
        self.dropout = nn.Dropout(dropout)

    @torch.no_grad()
    def fit_statistics(self, features: Tensor) -> None:
        """Take mean and deviation of the training set's features, (n, features)."""
        self.mean.copy_(features.mean(0))
        self.deviation.copy_(features.std(0) + MIN_DEVIATION)

    def forward(self, features: Tensor) -> Tensor:
        inputs = self.dropout(((features - self.mean) / self.deviation).clamp(-6, 6))
        correction = self.outer(self.dropout(functional.gelu(self.inner(inputs))))
        learned = functional.normalize(self.linear(inputs) + correction, dim=-1)
        if self.classes is None:
            return learned
        return functional.normalize(learned + self.classes(features), dim=-1)


class TextHead(nn.Module):
    """A tower's unit vectors → unit vectors of the same width, (n, width).

    A residual correction that starts at zero, so that the head starts at the identity.
    """

    def __init__(self, hidden: int, width: int = DIM) -> None:
        super().__init__()
        self.inner = nn.Linear(width, hidden)
        self.outer = nn.Linear(hidden, width)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, features: Tensor) -> Tensor:
        correction = self.outer(functional.gelu(self.inner(features)))
        return functional.normalize(features + correction, dim=-1)


def save_heads(
    path: Path, picture: nn.Module, text: nn.Module, metadata: Mapping[str, str] | None = None
) -> None:
    """Write both heads with 8-bit matrices.

    8 bits change a vector by less than half precision of the towers does. `metadata` goes into
    the file's header; with at most one entry, equal heads give equal bytes.
    """
    tensors = {f"picture.{name}": tensor for name, tensor in picture.state_dict().items()}
    tensors |= {f"text.{name}": tensor for name, tensor in text.state_dict().items()}
    save_file(pack_weights(tensors), path, dict(metadata) if metadata else None)


def load_heads(path: Path) -> tuple[PictureHead, TextHead]:
    """Read both heads in float32. Raises InvalidWeights for any other file."""
    weights = unpack_weights(read_safetensors(path))
    picture, text = (
        {
            key.removeprefix(prefix): tensor
            for key, tensor in weights.items()
            if key.startswith(prefix)
        }
        for prefix in ("picture.", "text.")
    )
    return build_heads(picture, text, path.name)


def build_heads(
    picture: Mapping[str, Tensor], text: Mapping[str, Tensor], source: str
) -> tuple[PictureHead, TextHead]:
    """Return frozen heads with these weights. Raises InvalidWeights when they do not fit."""
    try:
        hidden, features = picture["inner.weight"].shape
        classes = LabelEmbedding(picture[LABEL_VECTORS]) if LABEL_VECTORS in picture else None
        heads = PictureHead(features, hidden, classes=classes), TextHead(len(text["inner.weight"]))
    except (KeyError, ValueError) as error:
        raise InvalidWeights(
            f"{source} holds no heads: {error}", fix="Train anew, or restore the file."
        ) from error
    for head, weights in zip(heads, (picture, text), strict=True):
        load_weights(head, weights, source)
        head.eval().requires_grad_(False)
    return heads
