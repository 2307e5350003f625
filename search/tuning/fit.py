"""Fitting heads on features of frozen towers: for the bundled encoder and for a merchant's
catalogue alike.
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
from search.tuning.checkpoints import Checkpoints, Keeper
from search.tuning.heads import Heads, new_heads
from search.tuning.pairs import Pairs
from search.tuning.provenance import digest_of, library_versions, module_digest
from search.tuning.recipe import Recipe
from search.tuning.trainer import Trainer

__all__ = ["Fitted", "Recipe", "fit"]

VALIDATION_DRAWS = 4


@dataclass(frozen=True, slots=True)
class Fitted:
    """Both heads; of every epoch the mean training loss, and the precision on the pairs kept for
    early stopping.

    `record` says what they were made of, ready for `record.as_metadata`.
    """

    picture: nn.Module
    text: nn.Module
    losses: tuple[float, ...]
    precisions: tuple[float, ...]
    record: dict[str, Any]

    @property
    def heads(self) -> tuple[nn.Module, nn.Module]:
        """Both, as another training can start from."""
        return self.picture, self.text


def fit(
    pairs: Pairs,
    recipe: Recipe,
    *,
    start: tuple[nn.Module, nn.Module] | None = None,
    checkpoint: Path | Checkpoints | None = None,
    on_epoch: Callable[[], None] | None = None,
) -> Fitted:
    """Train until the precision on held pairs has not risen for `patience` epochs; keep the best
    epoch.

    Precision decides, not the loss, because it is what a search shows: the loss is flat long
    before it. What is kept is a moving average of the weights (Polyak & Juditsky, 1992),
    steadier than the last step. On a CPU the same pairs and recipe give the same weights, on the
    same machine with as many threads.

    `start` are the heads of pictures and texts to go on from; they are not changed. Texts stay
    anchored to their tower's own vectors and not to those of `start`, so that tuning again and
    again cannot carry them away step by step.

    With `checkpoint`, a folder, a training that was killed goes on after its last checkpoint
    when it is called again with the same arguments, and ends with the same weights as if it had
    not been killed. A checkpoint of other arguments is not used, which the log says; the
    checkpoint is removed at the end.

    `on_epoch` is called after every epoch; what it raises ends the training.

    On a GPU the heads compute in bfloat16. Raises ConfigError for a recipe that does not fit the
    pairs, InputError when no pairs can be held out, InvalidWeights for a damaged checkpoint.
    """
    # The settings' precision and compilation are the towers' affair.
    device = pick_runtime(
        engine_settings().model_copy(update={"precision": "auto", "compile": "off"})
    ).device
    known = Heads(*start) if start else None
    record = _record(pairs, recipe, known, device)
    keeper = _keeper(checkpoint, digest_of(record))
    trainer = _trainer(pairs.to(device), recipe, known)
    state = keeper.read() if keeper else None
    if state:
        trainer.restore(state)
    with use_all_cores():
        _run(trainer, keeper, on_epoch)
    if keeper:
        keeper.remove()
    best, precision = trainer.best(), max(trainer.precisions)
    record |= {"epochs": len(trainer.losses), "precision_of_held_pairs": precision}
    return Fitted(best.picture, best.text, tuple(trainer.losses), tuple(trainer.precisions), record)


def _trainer(pairs: Pairs, recipe: Recipe, start: Heads | None) -> Trainer:
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    train, held = pairs.split(recipe.validation_share, rng)
    first = held.first_view()
    validation = [
        batch for _ in range(VALIDATION_DRAWS) for batch in first.batches(recipe.batch, rng)
    ]
    if start is not None:
        return Trainer(start.trainable(recipe.dropout), train, validation, recipe, rng)
    heads = new_heads(pairs.pictures.shape[2], pairs.texts.shape[1], recipe).to(
        pairs.pictures.device
    )
    heads.observe(train.pictures.flatten(0, 1).float())
    return Trainer(heads, train, validation, recipe, rng)


def _run(trainer: Trainer, keeper: Keeper | None, on_epoch: Callable[[], None] | None) -> None:
    columns = (
        TextColumn("heads"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=trainer.recipe.epochs, completed=len(trainer.losses))
        while not trainer.finished:
            trainer.run_epoch()
            shown = f"loss {trainer.losses[-1]:.3f}, precision of held pairs {trainer.precisions[-1]:.3f}"
            progress.update(task, advance=1, description=shown)
            if keeper:
                keeper.keep(trainer.state())
            if on_epoch:
                on_epoch()


def _keeper(checkpoint: Path | Checkpoints | None, digest: str) -> Keeper | None:
    if checkpoint is None:
        return None
    return Keeper(
        checkpoint if isinstance(checkpoint, Checkpoints) else Checkpoints(checkpoint), digest
    )


def _record(
    pairs: Pairs, recipe: Recipe, start: Heads | None, device: torch.device
) -> dict[str, Any]:
    return {
        "recipe": recipe.as_json(),
        "pairs": pairs.summary(),
        "start": start and module_digest(start),
        "libraries": library_versions(),
        "device": device.type,
    }
