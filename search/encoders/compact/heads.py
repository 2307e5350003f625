"""The two small trained heads that join the frozen towers in one space."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from search.encoders.weights import fill, read_safetensors
from search.errors import WeightsRefused

DIM = 384


class PictureHead(nn.Module):
    """Picture features (n, features) → unit vectors (n, 384): a linear map plus a one-layer correction.

    Features are standardised with the training set's mean and deviation, which are stored with the weights.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, features: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.linear = nn.Linear(features, DIM)
        self.inner = nn.Linear(features, hidden)
        self.outer = nn.Linear(hidden, DIM)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        inputs = self.dropout(((features - self.mean) / self.deviation).clamp(-6, 6))
        correction = self.outer(self.dropout(functional.gelu(self.inner(inputs))))
        return functional.normalize(self.linear(inputs) + correction, dim=-1)


class TextHead(nn.Module):
    """Unit text vectors → unit vectors (n, 384): the text tower's own vector plus a correction that starts at zero."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.inner = nn.Linear(DIM, hidden)
        self.outer = nn.Linear(hidden, DIM)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, features: Tensor) -> Tensor:
        return functional.normalize(features + self.outer(functional.gelu(self.inner(features))), dim=-1)


def save_heads(path: Path, picture: PictureHead, text: TextHead) -> None:
    """Write both heads, in half precision: rounding moves a vector by less than the towers' own precision does."""
    named = [(f"picture.{name}", tensor) for name, tensor in picture.state_dict().items()]
    named += [(f"text.{name}", tensor) for name, tensor in text.state_dict().items()]
    save_file({name: tensor.to(torch.float16).contiguous() for name, tensor in named}, path)


def load_heads(path: Path) -> tuple[PictureHead, TextHead]:
    """Both heads in float32, ready to encode. Raises WeightsRefused when the file is not one of heads."""
    weights = {name: tensor.float() for name, tensor in read_safetensors(path).items()}
    try:
        hidden, features = weights["picture.inner.weight"].shape
        heads = PictureHead(features, hidden), TextHead(len(weights["text.inner.weight"]))
    except (KeyError, ValueError) as error:
        raise WeightsRefused(f"{path.name} holds no heads: {error}", fix="Train anew, or restore the file.") from error
    for name, head in zip(("picture.", "text."), heads, strict=True):
        own = {key.removeprefix(name): tensor for key, tensor in weights.items() if key.startswith(name)}
        fill(head, own, path.name)
        head.eval().requires_grad_(False)
    return heads
