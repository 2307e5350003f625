"""Train the correction of the sound head: pull labelled clips to their texts and to each other.

The class names anchor it: a correction without an anchor would know only the ten trained labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from search.encoders.compact.audio import AudioHead
from search.tuning.objectives import BatchVectors, InfoNCE, cosine_distance


@dataclass(frozen=True, slots=True)
class SoundHeadRecipe:
    """How the correction is trained.

    `sound_pair_weight` weighs the contrast between clips, `anchor_weight` the distance to the
    vectors of the class names. Both were chosen by `python -m tools.training.sound --validate`.
    """

    hidden: int = 64
    dropout: float = 0.2
    steps: int = 300
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    per_label: int = 24
    sound_pair_weight: float = 0.25
    anchor_weight: float = 4.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class ClassVocabulary:
    """The classifier of the kept classes, (k, 1024) and (k,), and their name vectors, (k, 384)."""

    weight: Tensor
    bias: Tensor
    vectors: Tensor

    def new_head(self, hidden: int, dropout: float = 0.0) -> AudioHead:
        """Return a head with these class names and a correction that is still zero."""
        head = AudioHead(len(self.bias), hidden, dropout)
        with torch.no_grad():
            head.classifier.weight.copy_(self.weight)
            head.classifier.bias.copy_(self.bias)
            # The mean of all names tells nothing about any of them.
            head.words.copy_(self.vectors - self.vectors.mean(0))
        head.classifier.requires_grad_(False)
        return head


def fit_sound_head(
    vocabulary: ClassVocabulary,
    features: Tensor,
    labels: Tensor,
    texts: Tensor,
    recipe: SoundHeadRecipe,
) -> AudioHead:
    """Train a head on features (n, 1024) with label numbers (n,).

    `texts`, (labels, phrases, 384), are the vectors of the phrases of each label. Every label
    needs at least one feature.
    """
    torch.manual_seed(recipe.seed)
    head = vocabulary.new_head(recipe.hidden, recipe.dropout)
    text_loss, pair_loss = InfoNCE(), InfoNCE()
    trained = [
        weight
        for module in (head, text_loss, pair_loss)
        for weight in module.parameters()
        if weight.requires_grad
    ]
    optimiser = torch.optim.AdamW(trained, recipe.learning_rate, weight_decay=recipe.weight_decay)
    with torch.no_grad():
        anchors = head.embed_labels(features)
    rows_of = [torch.nonzero(labels == label)[:, 0] for label in range(len(texts))]
    truth = torch.eye(len(texts)).repeat_interleave(recipe.per_label, 0)
    for _ in range(recipe.steps):
        rows = _draw_rows(rows_of, recipe.per_label)
        sounds = head(features[rows])
        loss = text_loss(BatchVectors(sounds, _draw_phrases(texts), truth))
        loss = loss + recipe.sound_pair_weight * pair_loss(
            BatchVectors(sounds[::2], sounds[1::2], truth[::2] @ truth[1::2].T)
        )
        loss = loss + recipe.anchor_weight * cosine_distance(sounds, anchors[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    head.dropout = nn.Dropout(0.0)
    return head.eval().requires_grad_(False)


def _draw_rows(rows_of: Sequence[Tensor], per_label: int) -> Tensor:
    """Draw the same number of rows of every label."""
    return torch.cat([rows[torch.randint(len(rows), (per_label,))] for rows in rows_of])


def _draw_phrases(texts: Tensor) -> Tensor:
    """Draw one phrase of every label."""
    return texts[torch.arange(len(texts)), torch.randint(texts.shape[1], (len(texts),))]
