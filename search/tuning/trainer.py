"""One training, epoch by epoch, and all that decides how it goes on as a state to resume from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from search.tuning.batch_sampler import HardNegatives
from search.tuning.heads import Heads
from search.tuning.loss import cosine_distance
from search.tuning.mining import mine
from search.tuning.objectives import WeightedSum
from search.tuning.pairs import Batch, Pairs
from search.tuning.recipe import Recipe
from search.tuning.unfrozen_layers import Tail

WARM_UP = 0.1


class _Averaged(AveragedModel):
    """A moving average of the heads' weights."""

    module: Heads


class Trainer:
    """Trains `heads` on `train`; keeps the averaged weights of the epoch that did best on the
    `validation` batches.
    """

    def __init__(
        self,
        heads: Heads,
        train: Pairs,
        validation: Sequence[Batch],
        recipe: Recipe,
        rng: np.random.Generator,
    ) -> None:
        self.recipe = recipe
        self.device = train.pictures.device
        self.losses: list[float] = []
        self.precisions: list[float] = []
        self._heads = heads.to(self.device)
        self._train = train
        self._validation = validation
        self._rng = rng
        self._objectives = WeightedSum(recipe.objectives).to(self.device)
        self._averaged = _Averaged(heads, multi_avg_fn=get_ema_multi_avg_fn(recipe.average))  # type: ignore[no-untyped-call]
        self._optimizer = _optimizer(heads, self._objectives, recipe)
        self._schedule = _schedule(self._optimizer, recipe, math.ceil(len(train) / recipe.batch))
        self._best = _copied(heads.state_dict())
        self._hard: HardNegatives | None = None

    @property
    def finished(self) -> bool:
        """All epochs done, or the precision has not risen for as long as the recipe's patience."""
        if len(self.losses) >= self.recipe.epochs:
            return True
        return (
            bool(self.precisions)
            and max(self.precisions) not in self.precisions[-self.recipe.patience :]
        )

    def run_epoch(self) -> None:
        """Go through the training pairs once, then measure."""
        if self.recipe.hard_negatives and len(self.losses) % self.recipe.hard_every == 0:
            self._hard = mine(self._heads, self._train, self.recipe.hard_negatives, self._rng)
        self._heads.train()
        batches = self._train.batches(self.recipe.batch, self._rng, self._hard)
        self.losses.append(float(np.mean([self._step(batch) for batch in batches])))
        self.precisions.append(self._measure())
        if self.precisions[-1] == max(self.precisions):
            self._best = _copied(self._averaged.module.state_dict())

    def best(self) -> Heads:
        """The heads of the best epoch, on the CPU, ready to encode."""
        self._heads.load_state_dict(self._best)
        return self._heads.cpu().eval().requires_grad_(False)

    def _step(self, batch: Batch) -> float:
        loss = self._loss(batch)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._schedule.step()
        self._averaged.update_parameters(self._heads)
        return loss.item()

    def _loss(self, batch: Batch) -> Tensor:
        with torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda"):
            vectors = self._heads(batch)
        loss: Tensor = self._objectives(vectors)
        if self.recipe.text_anchor:
            loss = loss + self.recipe.text_anchor * cosine_distance(vectors.texts, batch.texts)
        return loss

    @torch.inference_mode()
    def _measure(self) -> float:
        heads = self._averaged.module.eval()
        seen = [heads(batch) for batch in self._validation]
        return float(
            np.mean([precision_at_one(vectors.cosines, vectors.positive) for vectors in seen])
        )

    def state(self) -> dict[str, Any]:
        """Everything that decides how the training goes on: restoring it continues bit by bit."""
        random = {"numpy": self._rng.bit_generator.state, "torch": torch.get_rng_state()}
        if self.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self.device)
        modules = {name: part.state_dict() for name, part in self._parts().items()}
        hard = self._hard and [
            torch.from_numpy(self._hard.pictures),
            torch.from_numpy(self._hard.texts),
        ]
        return modules | {
            "best": self._best, "losses": self.losses, "precisions": self.precisions, "hard": hard, "random": random,
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state` returned, in a trainer made from the same pairs and recipe."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self._best, self.losses, self.precisions = (
            state["best"],
            state["losses"],
            state["precisions"],
        )
        self._hard = state["hard"] and HardNegatives(*(rows.numpy() for rows in state["hard"]))
        self._rng.bit_generator.state = state["random"]["numpy"]
        torch.set_rng_state(state["random"]["torch"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["random"]["cuda"], self.device)

    def _parts(self) -> dict[str, Any]:
        return {
            "heads": self._heads, "objectives": self._objectives, "averaged": self._averaged,
            "optimizer": self._optimizer, "schedule": self._schedule,
        }  # fmt: skip


def _copied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in state.items()}


def _optimizer(heads: Heads, objectives: WeightedSum, recipe: Recipe) -> torch.optim.Optimizer:
    tower = [
        weight for part in heads.modules() if isinstance(part, Tail) for weight in part.parameters()
    ]
    known = set(map(id, tower))
    picture = [weight for weight in heads.picture.parameters() if id(weight) not in known]
    groups = [
        {"params": picture, "lr": recipe.rate, "weight_decay": recipe.decay},
        {
            "params": list(heads.text.parameters()),
            "lr": recipe.text_rate,
            "weight_decay": recipe.decay,
        },
        {"params": list(objectives.parameters()), "lr": recipe.rate, "weight_decay": 0.0},
        {"params": tower, "lr": recipe.tower_rate, "weight_decay": recipe.decay},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]])


def _schedule(
    optimizer: torch.optim.Optimizer, recipe: Recipe, steps: int
) -> torch.optim.lr_scheduler.OneCycleLR:
    rates = [group["lr"] for group in optimizer.param_groups]
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, epochs=recipe.epochs, steps_per_epoch=steps,
                                               pct_start=WARM_UP)  # fmt: skip


def precision_at_one(similarity: Tensor, positive: Tensor) -> float:
    """How often the nearest text is true of a picture, and the nearest picture fits a text: mean
    of both shares.

    Shapes: both (pictures, texts).
    """
    texts = positive.gather(1, similarity.argmax(1, keepdim=True)).mean()
    pictures = positive.gather(0, similarity.argmax(0, keepdim=True)).mean()
    return float(texts + pictures) / 2
