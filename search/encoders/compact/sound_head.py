"""The head over the sound tower: what is heard in words, and a correction learned from labelled
sounds.

The words are the names of the classes that the network was trained to tell apart, as vectors of
this space, weighted by what its own classifier hears: so a sound that no training here showed is
found by what it is called. Source: Norouzi et al., Zero-Shot Learning by Convex Combination of
Semantic Embeddings (2014), over all classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from search.encoders.compact.heads import DIM
from search.encoders.compact.sound_network import FEATURES
from search.encoders.packing import packed, unpacked
from search.encoders.weights import fill, read_safetensors
from search.errors import InvalidWeights


class SoundHead(nn.Module):
    """Features of sounds (n, 1024) → unit vectors (n, 384)."""

    words: Tensor

    def __init__(self, classes: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.classifier = nn.Linear(FEATURES, classes)
        self.register_buffer("words", torch.zeros(classes, DIM))
        self.inner = nn.Linear(FEATURES, hidden)
        self.outer = nn.Linear(hidden, DIM)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def heard(self, features: Tensor) -> Tensor:
        """What the classes' names say, unit vectors (n, 384). Square roots, because several
        classes of one sound are likely at once and the likeliest should not speak alone.
        """
        likely = self.classifier(features).sigmoid().sqrt()
        return functional.normalize(likely @ self.words, dim=-1)

    def forward(self, features: Tensor) -> Tensor:
        correction = self.outer(self.dropout(functional.gelu(self.inner(self.dropout(features)))))
        return functional.normalize(self.heard(features) + correction, dim=-1)


def save_sound_head(path: Path, head: SoundHead) -> None:
    """Write the head, its matrices in 8 bits a weight."""
    save_file(packed(head.state_dict()), path)


def load_sound_head(path: Path) -> SoundHead:
    """The head in float32, ready to encode. Raises InvalidWeights when the file is not one of a
    sound head.
    """
    return filled(unpacked(read_safetensors(path)), path.name)


def filled(weights: Mapping[str, Tensor], source: str) -> SoundHead:
    """A head with these weights. Raises InvalidWeights when they are not those of one."""
    try:
        head = SoundHead(len(weights["words"]), len(weights["inner.weight"]))
    except KeyError as error:
        raise InvalidWeights(
            f"{source} holds no sound head: {error}", fix="Train anew, or restore the file."
        ) from error
    fill(head, weights, source)
    return head.eval().requires_grad_(False)
