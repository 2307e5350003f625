"""A SentenceTransformer on its device, and how its inputs are joined into batches."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from torch import Tensor
from torch.nn import functional

from search.encoders.device import Runtime
from search.errors import InvalidWeights, ModalityUnsupported
from search.types import Modality, TextRole, Vectors

TEXT_BATCH_SIZE = 64

Inputs = Mapping[str, Any]
"""Output of a model's preprocessing: tensors whose first axis runs over contents or their patches,
and words, such as the modality, that are the same for all."""

LIBRARY_NAMES: dict[Modality, Literal["image", "audio"]] = {
    Modality.PICTURE: "image",
    Modality.AUDIO: "audio",
}
"""The library's names of modalities."""

LOADING_ERRORS = (
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ImportError,
    OSError,
    SafetensorError,
)
"""What the library raises for a folder that it cannot load."""


@dataclass(frozen=True, slots=True)
class Padding:
    """The tokenizer's padding: token and side."""

    token: int
    side: Literal["left", "right"]


class Model:
    """A SentenceTransformer on its device; concurrent calls wait for each other."""

    def __init__(self, model: SentenceTransformer, runtime: Runtime, dim: int) -> None:
        self.transformer = runtime.compile(model.eval().requires_grad_(False))
        self._runtime = runtime
        self._dim = dim
        self._lock = threading.Lock()
        tokenizer = model.tokenizer
        self._padding = Padding(tokenizer.pad_token_id or 0, tokenizer.padding_side)

    def prepare(self, content: object, modality: Modality) -> Inputs:
        """Preprocess an RGB picture, or a sound as the library takes it.

        Raises ModalityUnsupported when the model has no tower for it.
        """
        if not self.transformer.supports(LIBRARY_NAMES[modality]):
            raise ModalityUnsupported(
                f"this SentenceTransformer has no {modality} tower",
                value=self.transformer.modalities,
                fix=f"Choose a preset of a multimodal model, or remove `{modality}` from the "
                "preset's modalities.",
            )
        inputs: Inputs = self.transformer.preprocess([content])
        return inputs

    @torch.inference_mode()
    def encode(self, batch: Sequence[Inputs]) -> Vectors:
        """Encode prepared pictures or prepared sounds: (n, dim) unit vectors."""
        inputs = {
            name: self._send(value) if isinstance(value, Tensor) else value
            for name, value in join_inputs(batch, self._padding).items()
        }
        with self._lock:
            return self._to_unit(self.transformer(inputs)["sentence_embedding"])

    def encode_texts(self, texts: Sequence[str], role: TextRole, prompt: str | None) -> Vectors:
        """Encode texts: (n, dim) unit vectors.

        `prompt` names a prompt of the model; None is the model's own for the role.
        """
        encode = (
            self.transformer.encode_query
            if role == TextRole.QUERY
            else self.transformer.encode_document
        )
        with self._lock:
            return self._to_unit(
                encode(
                    list(texts),
                    prompt_name=prompt,
                    batch_size=TEXT_BATCH_SIZE,
                    convert_to_tensor=True,
                    show_progress_bar=False,
                )
            )

    def _send(self, inputs: Tensor) -> Tensor:
        pinned = inputs.pin_memory() if self._runtime.device.type == "cuda" else inputs
        sent = self._runtime.send(pinned)
        return sent.to(self._runtime.dtype) if sent.is_floating_point() else sent

    def _to_unit(self, output: Tensor) -> Vectors:
        vectors: Vectors = functional.normalize(output.float(), dim=-1).cpu().numpy()
        if vectors.shape[1] != self._dim:
            raise InvalidWeights(
                f"the model's vectors are not of dimension {self._dim}", value=vectors.shape[1]
            )
        return vectors


def open_transformer(
    folder: Path, runtime: Runtime, left_out: Mapping[str, None]
) -> SentenceTransformer:
    """Read a model from disk without the sub-configurations in `left_out`.

    Raises InvalidWeights when the library cannot read it. Code of a checkpoint is never run.
    """
    options: dict[str, Any] = {"dtype": runtime.dtype, "use_safetensors": True}
    try:
        return SentenceTransformer(
            str(folder.resolve()),
            device=str(runtime.device),
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs=options,
            config_kwargs=dict(left_out),
        )
    except LOADING_ERRORS as error:
        raise InvalidWeights(
            f"sentence-transformers cannot read the checkpoint: {error}",
            value=str(folder),
            fix="Download the checkpoint again. Models that need code of their own are not run.",
        ) from error


def join_inputs(batch: Sequence[Inputs], padding: Padding) -> dict[str, Any]:
    """Join inputs of single contents into inputs of a batch, as the model's preprocessing would.

    Tensors are concatenated along their first axis. Where their second axis differs they are rows
    of tokens: shorter rows are padded with the padding token, and everything that accompanies
    tokens (masks, types) with 0.
    """
    return {
        name: _join_values(name, [inputs[name] for inputs in batch], padding) for name in batch[0]
    }


def _join_values(name: str, values: Sequence[Any], padding: Padding) -> Any:
    if isinstance(values[0], list):
        return [item for value in values for item in value]
    if not isinstance(values[0], Tensor):
        return values[0]
    if values[0].ndim > 1 and len({value.shape[1] for value in values}) > 1:
        length = max(value.shape[1] for value in values)
        token = padding.token if name == "input_ids" else 0
        values = [_pad(value, length, padding.side, token) for value in values]
    return torch.cat(list(values))


def _pad(rows: Tensor, length: int, side: Literal["left", "right"], value: int) -> Tensor:
    missing = length - rows.shape[1]
    sides = (missing, 0) if side == "left" else (0, missing)
    # `pad` counts axes from the last one; axes after the second keep their size.
    return functional.pad(rows, (0, 0) * (rows.ndim - 2) + sides, value=value)
