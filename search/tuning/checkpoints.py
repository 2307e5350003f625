"""Checkpoints that survive a kill at any moment: one safetensors file, replaced as a whole; no
pickle.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from search.errors import InvalidWeights
from search.vectors.layout import open_durable, sync_folder

FILE = "training.safetensors"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Where a training keeps its state, and how often: when that many epochs and that many
    seconds have both passed.
    """

    folder: Path
    every_epochs: int = 1
    every_seconds: float = 20.0


class Keeper:
    """Writes and reads the checkpoint of the one training that `digest` names."""

    def __init__(self, checkpoints: Checkpoints, digest: str) -> None:
        self._checkpoints = checkpoints
        self._path = checkpoints.folder / FILE
        self._digest = digest
        self._epochs = 0
        self._written = time.monotonic()

    def read(self) -> dict[str, Any] | None:
        """The state to go on from; None without a checkpoint, or with another training's, which
        is said in the log.

        Raises InvalidWeights when the file cannot be read.
        """
        if not self._path.is_file():
            return None
        try:
            with safe_open(self._path, "pt") as file:
                header = file.metadata() or {}
                if header.get("digest") != self._digest:
                    logger.warning(
                        "%s is of another recipe or other data: training starts anew", self._path
                    )
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise InvalidWeights(
                f"{self._path.name} is no checkpoint: {error}",
                fix="Delete it; training then starts anew.",
            ) from error
        state: dict[str, Any] = unpack(json.loads(header["state"]), tensors)
        logger.info("training goes on from %s", self._path)
        return state

    def keep(self, state: Mapping[str, Any]) -> None:
        """Call after every epoch; writes when it is time. Raises OSError when the disk is full."""
        self._epochs += 1
        seconds = time.monotonic() - self._written
        if (
            self._epochs >= self._checkpoints.every_epochs
            and seconds >= self._checkpoints.every_seconds
        ):
            self._write(state)
            self._epochs, self._written = 0, time.monotonic()

    def _write(self, state: Mapping[str, Any]) -> None:
        tensors: dict[str, Tensor] = {}
        plain = pack(state, tensors)
        self._checkpoints.folder.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".new")
        with open_durable(temporary) as file:
            file.write(save(tensors, {"digest": self._digest, "state": json.dumps(plain)}))
        temporary.replace(self._path)
        sync_folder(self._checkpoints.folder)

    def remove(self) -> None:
        """The training is done."""
        self._path.unlink(missing_ok=True)
        self._path.with_suffix(".new").unlink(missing_ok=True)


def pack(state: Any, tensors: dict[str, Tensor]) -> Any:
    """Nested dicts, lists, tuples, numbers and tensors as JSON; tensors go to `tensors` and
    leave their name.

    Copies of the tensors are taken: some share memory, which safetensors refuses.
    """
    if isinstance(state, Tensor):
        name = str(len(tensors))
        tensors[name] = state.detach().to("cpu", copy=True).contiguous()
        return {"tensor": name}
    if isinstance(state, Mapping):
        return {"dict": [[key, pack(value, tensors)] for key, value in state.items()]}
    if isinstance(state, list | tuple):
        return {type(state).__name__: [pack(value, tensors) for value in state]}
    return state


def unpack(plain: Any, tensors: Mapping[str, Tensor]) -> Any:
    """What `pack` was given. Python's JSON keeps every bit of a float and of an integer."""
    if not isinstance(plain, dict):
        return plain
    ((kind, content),) = plain.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: unpack(value, tensors) for key, value in content}
    values = [unpack(value, tensors) for value in content]
    return tuple(values) if kind == "tuple" else values
