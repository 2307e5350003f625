"""Learns the correction of the sound head: labelled sounds towards the words for them, and
towards each other.

What the classes' names say already holds it back: a correction that forgot them would know ten
sounds and no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from search.encoders.compact.sound_head import SoundHead
from search.tuning.objectives import BatchVectors, InfoNCE, cosine_distance


@dataclass(frozen=True, slots=True)
class SoundRecipe:
    """How the correction is learned. `among` weighs sounds against each other, `anchor` the
    classes' names; both were chosen by `python -m tools.training.sound --validate`.
    """

    hidden: int = 64
    dropout: float = 0.2
    steps: int = 300
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    per_label: int = 24
    among: float = 0.25
    anchor: float = 4.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Words:
    """The classifier's rows of the classes that are kept, (k, 1024) and (k,), and their names'
    vectors, (k, 384).
    """

    weight: Tensor
    bias: Tensor
    vectors: Tensor

    def head(self, hidden: int, dropout: float = 0.0) -> SoundHead:
        """A head that says these words, with a correction that changes nothing yet."""
        head = SoundHead(len(self.bias), hidden, dropout)
        with torch.no_grad():
            head.classifier.weight.copy_(self.weight)
            head.classifier.bias.copy_(self.bias)
            # What all names have in common says nothing about any of them.
            head.words.copy_(self.vectors - self.vectors.mean(0))
        head.classifier.requires_grad_(False)
        return head


def fit(
    words: Words, features: Tensor, labels: Tensor, texts: Tensor, recipe: SoundRecipe
) -> SoundHead:
    """Features (n, 1024), the number of each one's label (n,), and the labels' texts (labels,
    phrases, 384) → a head.

    Every label needs a feature.
    """
    torch.manual_seed(recipe.seed)
    head = words.head(recipe.hidden, recipe.dropout)
    asked, among = InfoNCE(), InfoNCE()
    learned = [
        weight
        for module in (head, asked, among)
        for weight in module.parameters()
        if weight.requires_grad
    ]
    optimiser = torch.optim.AdamW(learned, recipe.learning_rate, weight_decay=recipe.weight_decay)
    with torch.no_grad():
        heard = head.heard(features)
    rows_of = [torch.nonzero(labels == label)[:, 0] for label in range(len(texts))]
    truth = torch.eye(len(texts)).repeat_interleave(recipe.per_label, 0)
    for _ in range(recipe.steps):
        rows = _drawn(rows_of, recipe.per_label)
        sounds = head(features[rows])
        loss = asked(BatchVectors(sounds, _phrases(texts), truth))
        loss = loss + recipe.among * among(
            BatchVectors(sounds[::2], sounds[1::2], truth[::2] @ truth[1::2].T)
        )
        loss = loss + recipe.anchor * cosine_distance(sounds, heard[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    head.dropout = nn.Dropout(0.0)
    return head.eval().requires_grad_(False)


def _drawn(rows_of: Sequence[Tensor], per_label: int) -> Tensor:
    """As many rows of every label."""
    return torch.cat([rows[torch.randint(len(rows), (per_label,))] for rows in rows_of])


def _phrases(texts: Tensor) -> Tensor:
    """One of its texts for every label."""
    return texts[torch.arange(len(texts)), torch.randint(texts.shape[1], (len(texts),))]
