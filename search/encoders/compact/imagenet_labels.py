"""What the picture network's own classifier takes a picture for, in words, so that kinds which
no training showed are found by what they are called.

Source: Norouzi et al., Zero-Shot Learning by Convex Combination of Semantic Embeddings (2014),
over all classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from timm.data.imagenet_info import ImageNetInfo
from torch import Tensor, nn
from torch.nn import functional

from search.encoders.compact.network import load_classifier

CLASSES = 1000
STRENGTH = 1.5
"""Weight of the words of a class that no training picture showed; the learned vector has the
weight 1."""

AT_ONCE = 4096


class ClassWords(nn.Module):
    """Picture features (n, features) → (n, dim): the classes' vectors `words` (1000, dim),
    weighted by probability.

    The classifier is frozen and comes from the picture network's package; only `words` is stored
    with the heads.
    """

    weight: Tensor
    bias: Tensor
    words: Tensor

    def __init__(self, words: Tensor) -> None:
        super().__init__()
        weight, bias = load_classifier()
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("bias", bias, persistent=False)
        self.register_buffer("words", words.clone())

    @torch.no_grad()
    def observe(self, sources: Sequence[Tensor]) -> None:
        """Weigh every class down by its share of the training pictures, (n, features) of every
        source: the heads learn what they see better than its name tells. The largest share
        counts; a class of average share is halved.
        """
        share = torch.stack([self._share(features) for features in sources]).amax(0)
        self.words.mul_(STRENGTH / (1 + CLASSES * share.unsqueeze(1)))

    def _share(self, features: Tensor) -> Tensor:
        seen = [self.probabilities(batch).sum(0) for batch in torch.split(features, AT_ONCE)]
        return torch.stack(seen).sum(0) / len(features)

    @torch.no_grad()
    def probabilities(self, features: Tensor) -> Tensor:
        """(n, features) → (n, 1000). The classifier sees the means of the last map, which come
        first in a row.
        """
        means = features[:, : self.weight.shape[1]].float()
        return functional.linear(means, self.weight, self.bias).softmax(1)

    def forward(self, features: Tensor) -> Tensor:
        return self.probabilities(features) @ self.words


def class_texts() -> tuple[list[str], list[str]]:
    """The classes' names and their definitions in WordNet, 1000 texts each."""
    known = ImageNetInfo()
    numbers = range(CLASSES)
    named = [f"a photo of a {known.index_to_description(number)}" for number in numbers]
    return named, [known.index_to_description(number, detailed=True) for number in numbers]


def class_vectors(texts: Tensor) -> Tensor:
    """Unit vectors of both texts of every class, (2, 1000, dim) → (1000, dim): less their mean
    over the classes, which says nothing about any of them.
    """
    vectors = functional.normalize(texts.sum(0), dim=-1)
    return vectors - vectors.mean(0)
