"""The recipe of a training: every choice as data, validated, with a digest."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from search.errors import ConfigError
from search.tuning.objectives import OBJECTIVES
from search.tuning.provenance import json_digest

HEADS = ("compact", "residual")
MINIMUMS = {
    "epochs": 1,
    "patience": 1,
    "batch": 2,
    "hard_every": 1,
    "hard_negatives": 0,
    "picture_hidden": 1,
    "text_hidden": 1,
    "seed": 0,
    "rate": 0,
    "text_rate": 0,
    "tower_rate": 0,
    "decay": 0,
    "text_anchor": 0,
}
SHARES = ("dropout", "validation_share", "average")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides a training's result besides the data.

    `heads` is one of HEADS; `objectives` maps names of OBJECTIVES to weights. `rate`,
    `text_rate` and `tower_rate` are learning rates of the picture head, the text head and
    unfrozen blocks; `decay` is the weight decay; `average` is the decay of the moving average of
    the weights. `text_anchor` is the weight of the loss that keeps texts near their tower's own
    vectors. `hard_negatives` is the number of hard negatives per picture in its batch (0: random
    batches), mined anew every `hard_every` epochs. Raises ConfigError for an invalid value.
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
        for name, minimum in MINIMUMS.items():
            value = getattr(self, name)
            _require(value >= minimum, name, value, f"Give at least {minimum}.")
        for name in SHARES:
            value = getattr(self, name)
            _require(0 <= value < 1, name, value, "Give a share from 0 up to 1.")
        _require(
            self.validation_share > 0,
            "validation_share",
            0,
            "Hold out some pairs: they decide when to stop.",
        )
        _require(self.heads in HEADS, "heads", self.heads, f"Known: {', '.join(HEADS)}.")
        unknown = self.objectives.keys() - OBJECTIVES.keys()
        _require(not unknown, "objectives", sorted(unknown), f"Known: {', '.join(OBJECTIVES)}.")
        _require(
            bool(self.objectives) and all(weight > 0 for weight in self.objectives.values()),
            "objectives",
            self.objectives,
            "Give at least one, each with a weight above zero.",
        )

    def as_json(self) -> dict[str, Any]:
        """Return all fields, ready for json.dumps."""
        fields = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return fields | {"objectives": dict(sorted(self.objectives.items()))}

    @property
    def digest(self) -> str:
        """SHA-256 of all fields."""
        return json_digest(self.as_json())


def _require(holds: bool, name: str, value: object, fix: str) -> None:
    if not holds:
        raise ConfigError(f"the recipe's {name} is not valid", value=value, fix=fix)
