"""The two small trained heads that join the frozen towers in one space."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from search.encoders.compact.imagenet_labels import ClassWords
from search.encoders.packing import packed, unpacked
from search.encoders.weights import fill, read_safetensors
from search.errors import InvalidWeights

DIM = 384
DEVIATION_FLOOR = 1e-3
CLASS_WORDS = "classes.words"


class PictureHead(nn.Module):
    """Picture features (n, features) → unit vectors (n, 384): a linear map plus a one-layer
    correction, and what `classes` add, if they are given.

    Features are standardised with the training set's mean and deviation, which are stored with
    the weights.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, features: int, hidden: int, dropout: float = 0.0, classes: ClassWords | None = None
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
        """Take mean and deviation from the training set's features, (n, features), before
        training starts.
        """
        self.mean.copy_(features.mean(0))
        self.deviation.copy_(features.std(0) + DEVIATION_FLOOR)

    def forward(self, features: Tensor) -> Tensor:
        inputs = self.dropout(((features - self.mean) / self.deviation).clamp(-6, 6))
        correction = self.outer(self.dropout(functional.gelu(self.inner(inputs))))
        learned = functional.normalize(self.linear(inputs) + correction, dim=-1)
        return (
            learned
            if self.classes is None
            else functional.normalize(learned + self.classes(features), dim=-1)
        )


class TextHead(nn.Module):
    """A tower's unit vectors (n, width) → unit vectors (n, width): its own plus a correction
    that starts at zero.
    """

    def __init__(self, hidden: int, width: int = DIM) -> None:
        super().__init__()
        self.inner = nn.Linear(width, hidden)
        self.outer = nn.Linear(hidden, width)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, features: Tensor) -> Tensor:
        return functional.normalize(
            features + self.outer(functional.gelu(self.inner(features))), dim=-1
        )


def save_heads(
    path: Path, picture: nn.Module, text: nn.Module, metadata: Mapping[str, str] | None = None
) -> None:
    """Write both heads, their matrices in 8 bits a weight: that turns a vector by less than half
    precision of the towers does.

    `metadata` goes into the file's header. With at most one entry the same heads give the same
    bytes.
    """
    named = [(f"picture.{name}", tensor) for name, tensor in picture.state_dict().items()]
    named += [(f"text.{name}", tensor) for name, tensor in text.state_dict().items()]
    save_file(packed(dict(named)), path, dict(metadata) if metadata else None)


def load_heads(path: Path) -> tuple[PictureHead, TextHead]:
    """Both heads in float32, ready to encode. Raises InvalidWeights when the file is not one of
    heads.
    """
    weights = unpacked(read_safetensors(path))
    parts = [
        {
            key.removeprefix(prefix): tensor
            for key, tensor in weights.items()
            if key.startswith(prefix)
        }
        for prefix in ("picture.", "text.")
    ]
    return fill_heads(parts[0], parts[1], path.name)


def fill_heads(
    picture: Mapping[str, Tensor], text: Mapping[str, Tensor], source: str
) -> tuple[PictureHead, TextHead]:
    """Heads with these weights, ready to encode. Raises InvalidWeights when they are not those
    of heads.
    """
    try:
        hidden, features = picture["inner.weight"].shape
        classes = ClassWords(picture[CLASS_WORDS]) if CLASS_WORDS in picture else None
        heads = PictureHead(features, hidden, classes=classes), TextHead(len(text["inner.weight"]))
    except (KeyError, ValueError) as error:
        raise InvalidWeights(
            f"{source} holds no heads: {error}", fix="Train anew, or restore the file."
        ) from error
    for head, weights in zip(heads, (picture, text), strict=True):
        fill(head, weights, source)
        head.eval().requires_grad_(False)
    return heads
