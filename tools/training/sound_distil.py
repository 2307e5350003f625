"""Distil the sound tower: a pruned copy of the teacher learns to imitate it.

Sources: Sanh et al., DistilBERT (2019), section 2, for a student that starts from its teacher's
weights; Hinton et al., Distilling the Knowledge in a Neural Network (2015), for the objective.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor, nn
from torch.nn import functional

from search.encoders.compact.audio_tower import FEATURES, AudioNetwork
from search.tuning.checkpoints import CheckpointSettings, CheckpointStore
from search.tuning.provenance import json_digest, module_digest
from tools.training.audio_augment import PatchSource
from tools.training.audio_pruning import prune_channels

BATCH_SIZE = 64
"""Patches per forward pass without gradients."""


@dataclass(frozen=True, slots=True)
class DistillationRecipe:
    """How the student is pruned and trained.

    `channels` gives the channels that stay after the blocks where the teacher has many idle ones.
    `mse_weight` weighs the distance of the features, `class_weight` the class probabilities, both
    relative to the direction of the features.
    """

    channels: Mapping[int, int] = field(default_factory=lambda: {10: 384, 11: 512})
    pruning_patches: int = 2_000
    patches: int = 12_000
    epochs: int = 4
    batch_size: int = 48
    learning_rate: float = 5e-5
    mse_weight: float = 0.5
    class_weight: float = 12.0
    seed: int = 0


class SoundClassifier(nn.Module):
    """A network and its classifier: patches (n, frames, BANDS) → (n, FEATURES), logits (n, k)."""

    def __init__(self, network: AudioNetwork, classifier: nn.Linear) -> None:
        super().__init__()
        self.network = network
        self.classifier = classifier

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        features = self.network(patches)
        return features, self.classifier(features)


def build_classifier(network: AudioNetwork, weight: Tensor, bias: Tensor) -> SoundClassifier:
    """Return the network with a classifier of weight (k, FEATURES) and bias (k,)."""
    classifier = nn.Linear(FEATURES, len(bias))
    classifier.load_state_dict({"weight": weight, "bias": bias})
    return SoundClassifier(network, classifier).eval().requires_grad_(False)


def distil(
    teacher: SoundClassifier,
    source: PatchSource,
    recipe: DistillationRecipe,
    checkpoints: CheckpointSettings | None,
) -> SoundClassifier:
    """Prune and train a student, and return it in evaluation mode.

    With `checkpoints`, a killed training resumes and ends with the same weights.

    Raises InvalidWeights when a checkpoint cannot be read, and OSError when the disk is full.
    """
    patches = source.draw(recipe.patches)
    network = prune_channels(teacher.network, recipe.channels, patches[: recipe.pruning_patches])
    student = build_classifier(
        network, teacher.classifier.weight, teacher.classifier.bias
    ).requires_grad_(True)
    training = _DistillationRun(student, patches, _predict(teacher, patches), recipe)
    digest = json_digest([asdict(recipe), module_digest(student)])
    training.run(CheckpointStore(checkpoints, digest) if checkpoints else None)
    return student.eval().requires_grad_(False)


def measure_agreement(
    teacher: SoundClassifier, student: SoundClassifier, patches: Tensor
) -> dict[str, float]:
    """Compare two networks on patches (n, frames, BANDS).

    Returns the mean cosine of their features and the share of patches with the same top class.
    """
    expected, expected_logits = _predict(teacher, patches)
    found, found_logits = _predict(student, patches)
    same = expected_logits.argmax(1) == found_logits.argmax(1)
    return {
        "cosine": float(functional.cosine_similarity(found, expected).mean()),
        "same class": float(same.float().mean()),
    }


@torch.no_grad()
def _predict(model: SoundClassifier, patches: Tensor) -> tuple[Tensor, Tensor]:
    features, logits = zip(*map(model, torch.split(patches, BATCH_SIZE)), strict=True)
    return torch.cat(features), torch.cat(logits)


class _DistillationRun:
    """One training. The order of an epoch depends on the seed and the epoch's number alone."""

    def __init__(
        self,
        student: SoundClassifier,
        patches: Tensor,
        targets: tuple[Tensor, Tensor],
        recipe: DistillationRecipe,
    ) -> None:
        self._student = student.train()
        self._patches = patches
        self._features, self._probabilities = targets[0], targets[1].sigmoid()
        self._recipe = recipe
        self._optimiser = torch.optim.Adam(student.parameters(), recipe.learning_rate)
        steps = math.ceil(len(patches) / recipe.batch_size) * recipe.epochs
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, recipe.learning_rate, steps, pct_start=0.05, cycle_momentum=False
        )

    def run(self, store: CheckpointStore | None) -> None:
        first = self._restore(store.read()) if store else 0
        with Progress(console=Console(stderr=True)) as progress:
            task = progress.add_task("distilling", total=self._recipe.epochs * len(self._patches))
            progress.advance(task, first * len(self._patches))
            for epoch in range(first, self._recipe.epochs):
                for rows in self._batches(epoch):
                    self._step(rows)
                    progress.advance(task, len(rows))
                if store:
                    store.save_if_due(self._state(epoch + 1))
        if store:
            store.remove()

    def _batches(self, epoch: int) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(self._recipe.seed * self._recipe.epochs + epoch)
        return torch.split(
            torch.randperm(len(self._patches), generator=generator), self._recipe.batch_size
        )

    def _step(self, rows: Tensor) -> None:
        features, logits = self._student(self._patches[rows])
        loss = 1 - functional.cosine_similarity(features, self._features[rows]).mean()
        loss = loss + functional.mse_loss(features, self._features[rows]) * self._recipe.mse_weight
        loss = loss + self._recipe.class_weight * functional.binary_cross_entropy_with_logits(
            logits, self._probabilities[rows]
        )
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        self._schedule.step()

    def _state(self, epoch: int) -> dict[str, Any]:
        return {"epoch": epoch} | {name: part.state_dict() for name, part in self._parts().items()}

    def _restore(self, state: Mapping[str, Any] | None) -> int:
        """Load a checkpoint and return the next epoch."""
        if state is None:
            return 0
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        return int(state["epoch"])

    def _parts(self) -> dict[str, Any]:
        return {"student": self._student, "optimiser": self._optimiser, "schedule": self._schedule}
