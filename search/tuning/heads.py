"""Trainable modules: a head per modality, and the last blocks of a picture tower."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from search.encoders.compact.heads import PictureHead, TextHead
from search.tuning.objectives import BatchVectors
from search.tuning.pairs import Batch
from search.tuning.recipe import Recipe


class HeadPair(nn.Module):
    """A picture head and a text head: features (n, ...) → unit vectors (n, dim), of one dim."""

    def __init__(self, picture: nn.Module, text: nn.Module) -> None:
        super().__init__()
        self.picture = picture
        self.text = text

    def forward(self, batch: Batch) -> BatchVectors:
        """Return the vectors of a batch in float32, whatever precision the heads compute in."""
        return BatchVectors(
            self.picture(batch.pictures).float(),
            self.text(batch.texts).float(),
            batch.positive,
            batch.teacher_pictures,
            batch.teacher_texts,
        )

    def fit_statistics(self, pictures: Tensor) -> None:
        """Pass the training set's picture features (n, ...) to a head that standardises them."""
        if isinstance(self.picture, StandardisingHead):
            self.picture.fit_statistics(pictures)

    def copy_for_training(self, dropout: float) -> HeadPair:
        """Return a trainable copy with this dropout; loaded heads have none."""
        heads = copy.deepcopy(self).requires_grad_(True)
        for module in heads.modules():
            if isinstance(module, nn.Dropout):
                module.p = dropout
        return heads


@runtime_checkable
class StandardisingHead(Protocol):
    """A head that takes statistics of the training set before training starts."""

    def fit_statistics(self, features: Tensor) -> None:
        """Take the statistics of features (n, width)."""


def create_heads(picture_width: int, text_width: int, recipe: Recipe) -> HeadPair:
    """Return untrained heads of the recipe's kind; their weights come from torch's seed."""
    return HEAD_KINDS[recipe.heads](picture_width, text_width, recipe)


def _create_compact(picture_width: int, text_width: int, recipe: Recipe) -> HeadPair:
    picture = PictureHead(picture_width, recipe.picture_hidden, recipe.dropout)
    return HeadPair(picture, TextHead(recipe.text_hidden, text_width))


def _create_residual(picture_width: int, text_width: int, recipe: Recipe) -> HeadPair:
    return HeadPair(
        TextHead(recipe.picture_hidden, picture_width), TextHead(recipe.text_hidden, text_width)
    )


HEAD_KINDS: Mapping[str, Callable[[int, int, Recipe], HeadPair]] = {
    "compact": _create_compact,
    "residual": _create_residual,
}
"""`compact` maps picture features into the texts' space. `residual` starts at the identity on
both sides, for towers that already share a space."""


class UnfrozenLayers(nn.Module):
    """The last blocks of a picture tower, trained with the head behind them.

    Input of the first of `blocks` (n, ...) → features (n, width): the blocks, then `finish`. In
    training, activations inside the blocks are recomputed in the backward pass instead of stored
    (Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016). Batch-normalisation
    statistics stay fixed, because they come from far more pictures than training sees.
    """

    def __init__(self, blocks: Sequence[nn.Module], finish: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.finish = finish

    def train(self, mode: bool = True) -> UnfrozenLayers:
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    def forward(self, inputs: Tensor) -> Tensor:
        recompute = self.training and torch.is_grad_enabled()
        for block in self.blocks:
            inputs = checkpoint(block, inputs, use_reentrant=False) if recompute else block(inputs)
        return self.finish(inputs)


@torch.inference_mode()
def capture_inputs(block: nn.Module, tower: nn.Module, pixels: Tensor) -> Tensor:
    """Return the input of `block` when `tower` encodes prepared pictures (n, 3, h, w)."""
    captured: list[Tensor] = []
    hook = block.register_forward_pre_hook(lambda _, inputs: captured.append(inputs[0]))
    try:
        tower(pixels)
    finally:
        hook.remove()
    return captured[0]
