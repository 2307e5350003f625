"""The recipe of a training: every choice as data, checked, with a digest that names it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from search.errors import ConfigError
from search.tuning.objectives import OBJECTIVES

HEADS = ("compact", "residual")
AT_LEAST = {
    "epochs": 1, "patience": 1, "batch": 2, "hard_every": 1, "hard_negatives": 0, "picture_hidden": 1, "text_hidden": 1,
    "seed": 0, "rate": 0, "text_rate": 0, "tower_rate": 0, "decay": 0, "text_anchor": 0,
}  # fmt: skip
SHARES = ("dropout", "validation_share", "average")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the result, besides the data. Raises ConfigError for a value that
    makes no sense.

    `heads` is one of HEADS; `objectives` gives names of `objectives.OBJECTIVES` and their
    weights. `average` is the decay of the moving average of the weights. `text_anchor` weighs
    how far texts may move from their tower's own vectors. `hard_negatives` is how many hard
    negatives a picture brings into its batch (0: batches are random), found anew every
    `hard_every` epochs. `tower_rate` is the learning rate of unfrozen blocks.
    """

    seed: int = 0
    epochs: int = 32
    patience: int = 12
    batch: int = 1024
    rate: float = 1e-3
    text_rate: float = 1e-3
    decay: float = 0.05
    dropout: float = 0.3
    heads: str = "compact"
    picture_hidden: int = 1536
    text_hidden: int = 512
    validation_share: float = 0.03
    average: float = 0.99
    text_anchor: float = 2.0
    objectives: Mapping[str, float] = field(default_factory=lambda: {"info_nce": 1.0})
    hard_negatives: int = 0
    hard_every: int = 3
    tower_rate: float = 1e-5

    def __post_init__(self) -> None:
        for name, least in AT_LEAST.items():
            _require(
                getattr(self, name) >= least, name, getattr(self, name), f"Give at least {least}."
            )
        for name in SHARES:
            _require(
                0 <= getattr(self, name) < 1,
                name,
                getattr(self, name),
                "Give a share from 0 up to 1.",
            )
        _require(
            self.validation_share > 0,
            "validation_share",
            0,
            "Hold out some pairs: they decide when to stop.",
        )
        _require(self.heads in HEADS, "heads", self.heads, f"Known: {', '.join(HEADS)}.")
        unknown = self.objectives.keys() - OBJECTIVES.keys()
        _require(not unknown, "objectives", sorted(unknown), f"Known: {', '.join(OBJECTIVES)}.")
        positive = bool(self.objectives) and all(weight > 0 for weight in self.objectives.values())
        _require(
            positive,
            "objectives",
            self.objectives,
            "Give at least one, each with a weight above zero.",
        )

    def as_json(self) -> dict[str, Any]:
        """Field by field, ready for json.dumps."""
        return {item.name: getattr(self, item.name) for item in dataclasses.fields(self)} | {
            "objectives": dict(sorted(self.objectives.items()))
        }

    @property
    def digest(self) -> str:
        """SHA-256 of every field."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()


def _require(holds: bool, name: str, value: object, fix: str) -> None:
    if not holds:
        raise ConfigError(f"the recipe's {name} makes no sense", value=value, fix=fix)
