"""One training, epoch by epoch, with a state to resume from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from search.tuning.heads import HeadPair, UnfrozenLayers
from search.tuning.mining import mine_hard_negatives
from search.tuning.objectives import WeightedObjectives, cosine_distance
from search.tuning.pairs import Batch, Pairs
from search.tuning.recipe import Recipe
from search.tuning.sampling import HardNegatives

WARM_UP_SHARE = 0.1
"""Share of the steps in which the learning rate rises."""


class _AveragedHeads(AveragedModel):
    """A moving average of the heads' weights."""

    module: HeadPair


class Trainer:
    """Trains `heads` on `train` and keeps the averaged weights of the best validation epoch."""

    def __init__(
        self,
        heads: HeadPair,
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
        self._objectives = WeightedObjectives(recipe.objectives).to(self.device)
        average = get_ema_multi_avg_fn(recipe.average)  # type: ignore[no-untyped-call]  # torch has no annotation
        self._averaged = _AveragedHeads(heads, multi_avg_fn=average)
        self._optimizer = _create_optimizer(heads, self._objectives, recipe)
        self._schedule = _create_schedule(
            self._optimizer, recipe, math.ceil(len(train) / recipe.batch)
        )
        self._best = _clone_state(heads.state_dict())
        self._hard: HardNegatives | None = None

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are done, or precision has not risen for `patience` epochs."""
        if len(self.losses) >= self.recipe.epochs:
            return True
        return (
            bool(self.precisions)
            and max(self.precisions) not in self.precisions[-self.recipe.patience :]
        )

    def run_epoch(self) -> None:
        """Train on every pair once, then validate."""
        if self.recipe.hard_negatives and len(self.losses) % self.recipe.hard_every == 0:
            self._hard = mine_hard_negatives(
                self._heads, self._train, self.recipe.hard_negatives, self._rng
            )
        self._heads.train()
        batches = self._train.batches(self.recipe.batch, self._rng, self._hard)
        self.losses.append(float(np.mean([self._step(batch) for batch in batches])))
        self.precisions.append(self._validate())
        if self.precisions[-1] == max(self.precisions):
            self._best = _clone_state(self._averaged.module.state_dict())

    def best(self) -> HeadPair:
        """Return the heads of the best epoch, on the CPU, frozen."""
        self._heads.load_state_dict(self._best)
        return self._heads.cpu().eval().requires_grad_(False)

    def _step(self, batch: Batch) -> float:
        loss = self._loss(batch)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
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
    def _validate(self) -> float:
        heads = self._averaged.module.eval()
        outputs = [heads(batch) for batch in self._validation]
        precisions = [precision_at_one(vectors.cosines, vectors.positive) for vectors in outputs]
        return float(np.mean(precisions))

    def state(self) -> dict[str, Any]:
        """Return everything needed to resume with bit-identical results."""
        random = {"numpy": self._rng.bit_generator.state, "torch": torch.get_rng_state()}
        if self.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self.device)
        modules = {name: part.state_dict() for name, part in self._parts().items()}
        hard = self._hard and [
            torch.from_numpy(self._hard.pictures),
            torch.from_numpy(self._hard.texts),
        ]
        return modules | {
            "best": self._best,
            "losses": self.losses,
            "precisions": self.precisions,
            "hard": hard,
            "random": random,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Resume from a `state`. The trainer must be made from the same pairs and recipe."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self._best = state["best"]
        self.losses, self.precisions = state["losses"], state["precisions"]
        self._hard = state["hard"] and HardNegatives(*(rows.numpy() for rows in state["hard"]))
        self._rng.bit_generator.state = state["random"]["numpy"]
        torch.set_rng_state(state["random"]["torch"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["random"]["cuda"], self.device)

    def _parts(self) -> dict[str, Any]:
        return {
            "heads": self._heads,
            "objectives": self._objectives,
            "averaged": self._averaged,
            "optimizer": self._optimizer,
            "schedule": self._schedule,
        }


def _clone_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in state.items()}


def _create_optimizer(
    heads: HeadPair, objectives: WeightedObjectives, recipe: Recipe
) -> torch.optim.Optimizer:
    tower: list[nn.Parameter] = []
    for part in heads.modules():
        if isinstance(part, UnfrozenLayers):
            tower.extend(part.parameters())
    tower_ids = set(map(id, tower))
    picture = [weight for weight in heads.picture.parameters() if id(weight) not in tower_ids]
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


def _create_schedule(
    optimizer: torch.optim.Optimizer, recipe: Recipe, steps: int
) -> torch.optim.lr_scheduler.OneCycleLR:
    rates = [group["lr"] for group in optimizer.param_groups]
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        rates,
        epochs=recipe.epochs,
        steps_per_epoch=steps,
        pct_start=WARM_UP_SHARE,
    )


def precision_at_one(similarity: Tensor, positive: Tensor) -> float:
    """Return precision@1 of texts for pictures and of pictures for texts, averaged.

    Shapes: both (pictures, texts).
    """
    texts = positive.gather(1, similarity.argmax(1, keepdim=True)).mean()
    pictures = positive.gather(0, similarity.argmax(0, keepdim=True)).mean()
    return float(texts + pictures) / 2
