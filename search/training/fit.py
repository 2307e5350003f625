"""Fitting the heads of the compact encoder on features of its frozen towers."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
from rich.progress import track
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from search.encoders.compact.heads import PictureHead, TextHead
from search.training.loss import multi_positive_info_nce
from search.training.pairs import Batch, Pairs

FIRST_TEMPERATURE = 0.07
LARGEST_SCALE = 100.0
WARM_UP = 0.1
DEVIATION_FLOOR = 1e-3
VALIDATION_DRAWS = 4


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the result, besides the data."""

    seed: int = 0
    epochs: int = 50
    patience: int = 12
    batch: int = 1024
    rate: float = 1e-3
    text_rate: float = 1e-3
    decay: float = 0.05
    dropout: float = 0.3
    picture_hidden: int = 1024
    text_hidden: int = 512
    validation_share: float = 0.03
    average: float = 0.99
    text_anchor: float = 2.0


@dataclass(frozen=True, slots=True)
class Fitted:
    """Both heads; of every epoch the mean training loss, and the precision on the pairs kept for early stopping."""

    picture: PictureHead
    text: TextHead
    losses: tuple[float, ...]
    precisions: tuple[float, ...]


class Heads(nn.Module):
    """Both heads and the learned scale of their cosines."""

    def __init__(self, pictures: Tensor, recipe: Recipe) -> None:
        super().__init__()
        self.picture = PictureHead(pictures.shape[2], recipe.picture_hidden, recipe.dropout)
        self.text = TextHead(recipe.text_hidden)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(FIRST_TEMPERATURE)))
        seen = pictures.flatten(0, 1).float()
        self.picture.mean.copy_(seen.mean(0))
        self.picture.deviation.copy_(seen.std(0) + DEVIATION_FLOOR)

    def similarity(self, batch: Batch) -> Tensor:
        """Scaled cosines, (pictures, texts)."""
        scale = self.log_scale.exp().clamp(max=LARGEST_SCALE)
        cosines: Tensor = self.picture(batch.pictures) @ self.text(batch.texts).T
        return scale * cosines

    def text_shift(self, batch: Batch) -> Tensor:
        """Mean of 1 − cosine between the texts' new vectors and the tower's own."""
        cosines: Tensor = (self.text(batch.texts) * batch.texts).sum(-1)
        return 1 - cosines.mean()


class _Averaged(AveragedModel):
    """A moving average of the heads' weights."""

    module: Heads


def fit(pairs: Pairs, recipe: Recipe) -> Fitted:
    """Train until the precision on held pairs has not risen for `patience` epochs; keep the best epoch.

    Precision decides, not the loss, because it is what a search shows: the loss is flat long before it.
    What is kept is a moving average of the weights (Polyak & Juditsky, 1992), steadier than the last step.
    The same pairs and recipe give the same weights on the same machine.
    """
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    train, held = pairs.split(recipe.validation_share, rng)
    validation = [batch for _ in range(VALIDATION_DRAWS) for batch in held.batches(recipe.batch, rng)]
    heads = Heads(train.pictures, recipe)
    optimizer = _optimizer(heads, recipe)
    schedule = _schedule(optimizer, recipe, math.ceil(len(train) / recipe.batch))
    averaged = _Averaged(heads, multi_avg_fn=get_ema_multi_avg_fn(recipe.average))  # type: ignore[no-untyped-call]
    best, losses, precisions = copy.deepcopy(heads), [], [-math.inf]
    for _ in track(range(recipe.epochs), "heads"):
        losses.append(_epoch(heads, train, recipe, rng, optimizer, schedule, averaged))
        precisions.append(_precision(averaged.module, validation))
        if precisions[-1] == max(precisions):
            best = copy.deepcopy(averaged.module)
        elif max(precisions) not in precisions[-recipe.patience :]:
            break
    return Fitted(best.picture.eval(), best.text.eval(), tuple(losses), tuple(precisions[1:]))


def _optimizer(heads: Heads, recipe: Recipe) -> torch.optim.Optimizer:
    groups = [
        {"params": heads.picture.parameters(), "lr": recipe.rate, "weight_decay": recipe.decay},
        {"params": heads.text.parameters(), "lr": recipe.text_rate, "weight_decay": recipe.decay},
        {"params": [heads.log_scale], "lr": recipe.rate, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups)


def _schedule(optimizer: torch.optim.Optimizer, recipe: Recipe, steps: int) -> torch.optim.lr_scheduler.OneCycleLR:
    rates = [group["lr"] for group in optimizer.param_groups]
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, epochs=recipe.epochs, steps_per_epoch=steps,
                                               pct_start=WARM_UP)  # fmt: skip


def _epoch(
    heads: Heads, train: Pairs, recipe: Recipe, rng: np.random.Generator, optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.OneCycleLR, averaged: _Averaged,
) -> float:  # fmt: skip
    heads.train()
    losses = []
    for batch in train.batches(recipe.batch, rng):
        loss = multi_positive_info_nce(heads.similarity(batch), batch.positive)
        loss = loss + recipe.text_anchor * heads.text_shift(batch)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        averaged.update_parameters(heads)
        losses.append(loss.item())
    return float(np.mean(losses))


@torch.inference_mode()
def _precision(heads: Heads, batches: list[Batch]) -> float:
    heads.eval()
    return float(np.mean([precision_at_one(heads.similarity(batch), batch.positive) for batch in batches]))


def precision_at_one(similarity: Tensor, positive: Tensor) -> float:
    """How often the nearest text is true of a picture, and the nearest picture fits a text: mean of both shares.

    Shapes: both (pictures, texts).
    """
    texts = positive.gather(1, similarity.argmax(1, keepdim=True)).mean()
    pictures = positive.gather(0, similarity.argmax(0, keepdim=True)).mean()
    return float(texts + pictures) / 2
