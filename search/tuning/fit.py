"""Fit projection heads on features of frozen towers.

Used for the bundled encoder and for a merchant's catalogue alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from search.config import engine_settings
from search.encoders.device import pick_runtime, use_all_cores
from search.tuning.checkpoints import CheckpointSettings, CheckpointStore
from search.tuning.heads import HeadPair, create_heads
from search.tuning.pairs import Pairs
from search.tuning.provenance import json_digest, library_versions, module_digest
from search.tuning.recipe import Recipe
from search.tuning.trainer import Trainer

__all__ = ["FitResult", "Recipe", "fit"]

VALIDATION_DRAWS = 4


@dataclass(frozen=True, slots=True)
class FitResult:
    """Trained heads, with the mean training loss and the validation precision of each epoch.

    `record` is the training record, see `provenance.to_metadata`.
    """

    picture: nn.Module
    text: nn.Module
    losses: tuple[float, ...]
    precisions: tuple[float, ...]
    record: dict[str, Any]

    @property
    def heads(self) -> tuple[nn.Module, nn.Module]:
        """Both heads, as `start` of another training."""
        return self.picture, self.text


def fit(
    pairs: Pairs,
    recipe: Recipe,
    *,
    start: tuple[nn.Module, nn.Module] | None = None,
    checkpoint: Path | CheckpointSettings | None = None,
    on_epoch: Callable[[], None] | None = None,
) -> FitResult:
    """Train heads until validation precision stops rising, and return those of the best epoch.

    1. Hold out a share of the pairs for validation.
    2. Train; after each epoch measure precision@1 of a moving average of the weights (Polyak &
       Juditsky, 1992), which is steadier than the last step. Precision decides and not the loss,
       because it is what a search shows.
    3. Stop when precision has not risen for `patience` epochs.

    `start` holds picture and text heads to continue from; they are not modified. Texts stay
    anchored to their tower's own vectors, not to those of `start`, so that repeated tuning cannot
    make them drift. `checkpoint` names a folder: a training that was killed resumes there when it
    is called with the same arguments, and ends with the same weights. A checkpoint of other
    arguments is logged and ignored; it is removed at the end. `on_epoch` is called after every
    epoch; an exception ends the training.

    On one machine with one number of threads, a CPU gives the same weights for the same pairs and
    recipe. On a GPU the heads compute in bfloat16. Raises ConfigError for a recipe that does not
    fit the pairs, InputError when no pairs can be held out, InvalidWeights for a damaged
    checkpoint.
    """
    # Precision and compilation of the settings concern only the towers.
    device = pick_runtime(
        engine_settings().model_copy(update={"precision": "auto", "compile": "off"})
    ).device
    start_heads = HeadPair(*start) if start else None
    record = _create_record(pairs, recipe, start_heads, device)
    store = _create_store(checkpoint, json_digest(record))
    trainer = _create_trainer(pairs.to(device), recipe, start_heads)
    state = store.read() if store else None
    if state:
        trainer.restore(state)
    with use_all_cores():
        _train(trainer, store, on_epoch)
    if store:
        store.remove()
    best, precision = trainer.best(), max(trainer.precisions)
    record |= {"epochs": len(trainer.losses), "precision_of_held_pairs": precision}
    return FitResult(
        best.picture, best.text, tuple(trainer.losses), tuple(trainer.precisions), record
    )


def _create_trainer(pairs: Pairs, recipe: Recipe, start: HeadPair | None) -> Trainer:
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    train, held_out = pairs.split(recipe.validation_share, rng)
    first_view = held_out.first_view()
    validation = [
        batch for _ in range(VALIDATION_DRAWS) for batch in first_view.batches(recipe.batch, rng)
    ]
    if start is not None:
        return Trainer(start.copy_for_training(recipe.dropout), train, validation, recipe, rng)
    heads = create_heads(pairs.pictures.shape[2], pairs.texts.shape[1], recipe).to(
        pairs.pictures.device
    )
    heads.fit_statistics(train.pictures.flatten(0, 1).float())
    return Trainer(heads, train, validation, recipe, rng)


def _train(
    trainer: Trainer, store: CheckpointStore | None, on_epoch: Callable[[], None] | None
) -> None:
    columns = (
        TextColumn("heads"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=trainer.recipe.epochs, completed=len(trainer.losses))
        while not trainer.is_finished:
            trainer.run_epoch()
            loss, precision = trainer.losses[-1], trainer.precisions[-1]
            description = f"loss {loss:.3f}, validation precision {precision:.3f}"
            progress.update(task, advance=1, description=description)
            if store:
                store.save_if_due(trainer.state())
            if on_epoch:
                on_epoch()


def _create_store(
    checkpoint: Path | CheckpointSettings | None, digest: str
) -> CheckpointStore | None:
    if checkpoint is None:
        return None
    if isinstance(checkpoint, Path):
        checkpoint = CheckpointSettings(checkpoint)
    return CheckpointStore(checkpoint, digest)


def _create_record(
    pairs: Pairs, recipe: Recipe, start: HeadPair | None, device: torch.device
) -> dict[str, Any]:
    return {
        "recipe": recipe.as_json(),
        "pairs": pairs.summary(),
        "start": start and module_digest(start),
        "libraries": library_versions(),
        "device": device.type,
    }
