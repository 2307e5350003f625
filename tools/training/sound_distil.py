"""Learns the sound tower: a thinner network that begins as what is left of its teacher and
imitates it on sounds.

Sources: Sanh et al., DistilBERT (2019), section 2, for a student that begins with its teacher's
weights; Hinton et al., Distilling the Knowledge in a Neural Network (2015), for what it learns.
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

from search.encoders.compact.sound_network import FEATURES, SoundNetwork
from search.tuning.checkpoints import CheckpointSettings, CheckpointStore
from search.tuning.provenance import json_digest, module_digest
from tools.training.audio_augment import PatchSource
from tools.training.audio_pruning import thinned

AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Distillation:
    """How the student is made. `channels` after some blocks: those where the teacher has many
    that move nothing. `sizes` and `classes` weigh the features' differences and what the
    classifier says against their direction.
    """

    channels: Mapping[int, int] = field(default_factory=lambda: {10: 384, 11: 512})
    thinned_on: int = 2_000
    patches: int = 12_000
    epochs: int = 4
    batch: int = 48
    learning_rate: float = 5e-5
    sizes: float = 0.5
    classes: float = 12.0
    seed: int = 0


class Listener(nn.Module):
    """A network and the classifier over it: patches (n, frames, BANDS) → features (n, FEATURES),
    logits (n, k).
    """

    def __init__(self, network: SoundNetwork, classifier: nn.Linear) -> None:
        super().__init__()
        self.network = network
        self.classifier = classifier

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        features = self.network(patches)
        return features, self.classifier(features)


def listener(network: SoundNetwork, weight: Tensor, bias: Tensor) -> Listener:
    """One with a classifier of these rows (k, FEATURES) and (k,)."""
    classifier = nn.Linear(FEATURES, len(bias))
    classifier.load_state_dict({"weight": weight, "bias": bias})
    return Listener(network, classifier).eval().requires_grad_(False)


def distil(
    teacher: Listener,
    source: PatchSource,
    recipe: Distillation,
    checkpoints: CheckpointSettings | None,
) -> Listener:
    """The student, ready to hear. With `checkpoints`, goes on after a kill as if nothing had
    happened.

    Raises InvalidWeights when a checkpoint cannot be read, and OSError when the disk is full.
    """
    patches = source.draw(recipe.patches)
    network = thinned(teacher.network, recipe.channels, patches[: recipe.thinned_on])
    student = listener(network, teacher.classifier.weight, teacher.classifier.bias).requires_grad_(
        True
    )
    learning = _Learning(student, patches, _answers(teacher, patches), recipe)
    digest = json_digest([asdict(recipe), module_digest(student)])
    learning.run(CheckpointStore(checkpoints, digest) if checkpoints else None)
    return student.eval().requires_grad_(False)


def agreement(teacher: Listener, student: Listener, patches: Tensor) -> dict[str, float]:
    """On patches (n, frames, BANDS): the mean cosine of the features, and for how many the
    likeliest class is one.
    """
    (told, told_logits), (said, said_logits) = (
        _answers(teacher, patches),
        _answers(student, patches),
    )
    same = told_logits.argmax(1) == said_logits.argmax(1)
    return {
        "cosine": float(functional.cosine_similarity(said, told).mean()),
        "same class": float(same.float().mean()),
    }


@torch.no_grad()
def _answers(asked: Listener, patches: Tensor) -> tuple[Tensor, Tensor]:
    features, logits = zip(*map(asked, torch.split(patches, AT_ONCE)), strict=True)
    return torch.cat(features), torch.cat(logits)


class _Learning:
    """One training, epoch by epoch; what it draws depends on the seed and the epoch's number
    alone.
    """

    def __init__(
        self,
        student: Listener,
        patches: Tensor,
        answers: tuple[Tensor, Tensor],
        recipe: Distillation,
    ) -> None:
        self._student = student.train()
        self._patches = patches
        self._features, self._likely = answers[0], answers[1].sigmoid()
        self._recipe = recipe
        self._optimiser = torch.optim.Adam(student.parameters(), recipe.learning_rate)
        steps = math.ceil(len(patches) / recipe.batch) * recipe.epochs
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, recipe.learning_rate, steps, pct_start=0.05, cycle_momentum=False
        )

    def run(self, store: CheckpointStore | None) -> None:
        first = self._restored(store.read()) if store else 0
        with Progress(console=Console(stderr=True)) as progress:
            shown = progress.add_task("imitating", total=self._recipe.epochs * len(self._patches))
            progress.advance(shown, first * len(self._patches))
            for epoch in range(first, self._recipe.epochs):
                for rows in self._batches(epoch):
                    self._step(rows)
                    progress.advance(shown, len(rows))
                if store:
                    store.save_if_due(self._state(epoch + 1))
        if store:
            store.remove()

    def _batches(self, epoch: int) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(self._recipe.seed * self._recipe.epochs + epoch)
        return torch.split(
            torch.randperm(len(self._patches), generator=generator), self._recipe.batch
        )

    def _step(self, rows: Tensor) -> None:
        features, logits = self._student(self._patches[rows])
        loss = 1 - functional.cosine_similarity(features, self._features[rows]).mean()
        loss = loss + functional.mse_loss(features, self._features[rows]) * self._recipe.sizes
        loss = loss + self._recipe.classes * functional.binary_cross_entropy_with_logits(
            logits, self._likely[rows]
        )
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        self._schedule.step()

    def _state(self, epoch: int) -> dict[str, Any]:
        return {"epoch": epoch} | {name: part.state_dict() for name, part in self._parts().items()}

    def _restored(self, state: Mapping[str, Any] | None) -> int:
        """The epoch to go on with."""
        if state is None:
            return 0
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        return int(state["epoch"])

    def _parts(self) -> dict[str, Any]:
        return {"student": self._student, "optimiser": self._optimiser, "schedule": self._schedule}
