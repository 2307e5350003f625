"""The two heads that are trained, made by one factory and otherwise treated as black boxes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from search.encoders.compact.heads import PictureHead, TextHead
from search.tuning.objectives import Vectors
from search.tuning.pairs import Batch
from search.tuning.recipe import Recipe


class Heads(nn.Module):
    """A head per side: features (n, ...) → unit vectors (n, dim), of one dim."""

    def __init__(self, picture: nn.Module, text: nn.Module) -> None:
        super().__init__()
        self.picture = picture
        self.text = text

    def forward(self, batch: Batch) -> Vectors:
        """The vectors of a batch, in full precision also where the heads compute in half."""
        return Vectors(
            self.picture(batch.pictures).float(), self.text(batch.texts).float(), batch.positive,
            batch.teacher_pictures, batch.teacher_texts,
        )  # fmt: skip

    def observe(self, pictures: Tensor) -> None:
        """Show new heads the training set's picture features (n, ...), for those that
        standardise them.
        """
        if isinstance(self.picture, Observing):
            self.picture.observe(pictures)

    def trainable(self, dropout: float) -> Heads:
        """A copy to train further, with this dropout: heads are loaded without any."""
        heads = copy.deepcopy(self).requires_grad_(True)
        for module in heads.modules():
            if isinstance(module, nn.Dropout):
                module.p = dropout
        return heads


@runtime_checkable
class Observing(Protocol):
    """A head that takes statistics of the training set before training starts."""

    def observe(self, features: Tensor) -> None:
        """`features` (n, width)."""


def new_heads(picture_width: int, text_width: int, recipe: Recipe) -> Heads:
    """Untrained heads of the recipe's kind for features of these widths; their weights come from
    torch's seed.
    """
    return KINDS[recipe.heads](picture_width, text_width, recipe)


def _compact(picture_width: int, text_width: int, recipe: Recipe) -> Heads:
    picture = PictureHead(picture_width, recipe.picture_hidden, recipe.dropout)
    return Heads(picture, TextHead(recipe.text_hidden, text_width))


def _residual(picture_width: int, text_width: int, recipe: Recipe) -> Heads:
    return Heads(
        TextHead(recipe.picture_hidden, picture_width), TextHead(recipe.text_hidden, text_width)
    )


KINDS: Mapping[str, Callable[[int, int, Recipe], Heads]] = {
    "compact": _compact,
    "residual": _residual,
}
"""`compact`: a trained map of picture features into the texts' space. `residual`: both sides
start at the identity, for towers that share a space already."""
