"""Checkpoints of a training: one safetensors file, replaced atomically; no pickle."""

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
from search.files import remove_temporary_files, write_atomically

FILE = "training.safetensors"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CheckpointSettings:
    """Where checkpoints go, and how often: after so many epochs and at least so many seconds."""

    folder: Path
    every_epochs: int = 1
    every_seconds: float = 20.0


class CheckpointStore:
    """Writes and reads the checkpoint of the one training with this digest."""

    def __init__(self, settings: CheckpointSettings, digest: str) -> None:
        self._settings = settings
        self._path = settings.folder / FILE
        self._digest = digest
        self._epochs = 0
        self._saved_at = time.monotonic()

    def read(self) -> dict[str, Any] | None:
        """Return the saved state, or None without a checkpoint of this training.

        A checkpoint of another training is logged and ignored. Raises InvalidWeights when the
        file cannot be read.
        """
        if not self._path.is_file():
            return None
        try:
            with safe_open(self._path, "pt") as file:
                header = file.metadata() or {}
                if header.get("digest") != self._digest:
                    logger.warning(
                        "%s belongs to another recipe or other data: training starts anew",
                        self._path,
                    )
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise InvalidWeights(
                f"{self._path.name} is not a checkpoint: {error}",
                fix="Delete it; training then starts anew.",
            ) from error
        state: dict[str, Any] = unpack_state(json.loads(header["state"]), tensors)
        logger.info("training resumes from %s", self._path)
        return state

    def save_if_due(self, state: Mapping[str, Any]) -> None:
        """Save the state if it is time. Call after every epoch.

        Raises OSError when the disk is full.
        """
        self._epochs += 1
        seconds = time.monotonic() - self._saved_at
        if self._epochs >= self._settings.every_epochs and seconds >= self._settings.every_seconds:
            self._save(state)
            self._epochs, self._saved_at = 0, time.monotonic()

    def _save(self, state: Mapping[str, Any]) -> None:
        tensors: dict[str, Tensor] = {}
        plain = pack_state(state, tensors)
        self._settings.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(
            self._path, save(tensors, {"digest": self._digest, "state": json.dumps(plain)})
        )

    def remove(self) -> None:
        """Delete the checkpoint after the training ends."""
        self._path.unlink(missing_ok=True)
        remove_temporary_files(self._path)


def pack_state(state: Any, tensors: dict[str, Tensor]) -> Any:
    """Turn nested dicts, lists, tuples, numbers and tensors into JSON.

    Each tensor is copied into `tensors` and replaced by its name there. Copies are needed because
    safetensors refuses tensors that share memory.
    """
    if isinstance(state, Tensor):
        name = str(len(tensors))
        tensors[name] = state.detach().to("cpu", copy=True).contiguous()
        return {"tensor": name}
    if isinstance(state, Mapping):
        return {"dict": [[key, pack_state(value, tensors)] for key, value in state.items()]}
    if isinstance(state, list | tuple):
        return {type(state).__name__: [pack_state(value, tensors) for value in state]}
    return state


def unpack_state(plain: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Reverse `pack_state`. JSON keeps every bit of Python's floats and integers."""
    if not isinstance(plain, dict):
        return plain
    ((kind, content),) = plain.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: unpack_state(value, tensors) for key, value in content}
    values = [unpack_state(value, tensors) for value in content]
    return tuple(values) if kind == "tuple" else values
