"""Model inputs of single contents, and how a batch is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

Inputs = Mapping[str, Any]
"""What a model's own preprocessing makes of a list of contents: tensors whose first axis runs
over the contents or their patches, and words such as the modality that are the same for all."""


@dataclass(frozen=True, slots=True)
class Padding:
    """How a model's tokenizer fills up shorter rows: with which token, and on which side."""

    token: int
    side: Literal["left", "right"]


def join(batch: Sequence[Inputs], padding: Padding) -> dict[str, Any]:
    """Inputs of single contents → inputs of the batch, as the model's preprocessing would have
    made them at once.

    Tensors are joined along their first axis. Where their second axis differs they are rows of
    tokens: shorter ones are filled up with the padding token, and everything that accompanies
    tokens (masks, types) with 0.
    """
    return {name: _join(name, [inputs[name] for inputs in batch], padding) for name in batch[0]}


def _join(name: str, values: Sequence[Any], padding: Padding) -> Any:
    if isinstance(values[0], list):
        return [item for value in values for item in value]
    if not isinstance(values[0], Tensor):
        return values[0]
    if values[0].ndim > 1 and len({value.shape[1] for value in values}) > 1:
        longest = max(value.shape[1] for value in values)
        values = [
            _fill_up(value, longest, padding, padding.token if name == "input_ids" else 0)
            for value in values
        ]
    return torch.cat(list(values))


def _fill_up(rows: Tensor, length: int, padding: Padding, value: int) -> Tensor:
    lacking = length - rows.shape[1]
    sides = (lacking, 0) if padding.side == "left" else (0, lacking)
    # `pad` counts axes from the last one; what follows the second axis stays as it is.
    return functional.pad(rows, (0, 0) * (rows.ndim - 2) + sides, value=value)
