"""Label embedding: text vectors of ImageNet's classes, weighted by the network's own classifier.

It finds kinds of products that no training picture showed, by what they are called. Source:
Norouzi et al., Zero-Shot Learning by Convex Combination of Semantic Embeddings (2014), over all
classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from timm.data.imagenet_info import ImageNetInfo
from torch import Tensor, nn
from torch.nn import functional

from search.encoders.compact.network import load_classifier

CLASSES = 1000
UNSEEN_CLASS_WEIGHT = 1.5
"""Weight of a class that no training picture showed; the learned vector has the weight 1."""

BATCH_SIZE = 4096


class LabelEmbedding(nn.Module):
    """Picture features (n, features) → the classes' vectors weighted by probability, (n, dim).

    `words` (1000, dim) holds the classes' vectors, which are stored with the heads. The classifier
    is frozen and comes from the picture network's package.
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
    def downweight_seen_classes(self, sources: Sequence[Tensor]) -> None:
        """Scale each class down by its share of the training pictures, (n, features) per source.

        Of a class with many training pictures the head learns more than the name tells. The
        largest share over the sources counts; a class of average share is halved.
        """
        share = torch.stack([self._class_shares(features) for features in sources]).amax(0)
        self.words.mul_(UNSEEN_CLASS_WEIGHT / (1 + CLASSES * share.unsqueeze(1)))

    def _class_shares(self, features: Tensor) -> Tensor:
        sums = [self.probabilities(batch).sum(0) for batch in torch.split(features, BATCH_SIZE)]
        return torch.stack(sums).sum(0) / len(features)

    @torch.no_grad()
    def probabilities(self, features: Tensor) -> Tensor:
        """Classify features: (n, features) → (n, 1000).

        The classifier takes the means of the last map, which come first in a row of features.
        """
        means = features[:, : self.weight.shape[1]].float()
        return functional.linear(means, self.weight, self.bias).softmax(1)

    def forward(self, features: Tensor) -> Tensor:
        return self.probabilities(features) @ self.words


def list_label_texts() -> tuple[list[str], list[str]]:
    """Return the classes' names and their definitions in WordNet, 1000 texts each."""
    info = ImageNetInfo()
    numbers = range(CLASSES)
    names = [f"a photo of a {info.index_to_description(number)}" for number in numbers]
    return names, [info.index_to_description(number, detailed=True) for number in numbers]


def build_label_vectors(texts: Tensor) -> Tensor:
    """Combine unit vectors of both texts of every class, (2, 1000, dim), into (1000, dim).

    The mean over the classes is subtracted, because it says nothing about any of them.
    """
    vectors = functional.normalize(texts.sum(0), dim=-1)
    return vectors - vectors.mean(0)
