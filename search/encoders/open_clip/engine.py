"""Any image-text model of the open_clip library, read from a checkpoint on local disk.

Nothing is downloaded here: a server that fetches weights when it starts hangs when the hub is away. The tokenizer is
open_clip's own for the checkpoint, because SigLIP text that is not lower-cased and padded as in training is silently
wrong (Zhai et al., Sigmoid Loss for Language Image Pre-Training, 2023, and the open_clip model configurations).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional

from search.config import EngineSettings
from search.encoders.base import Pixels
from search.encoders.checkpoints import checkpoint_digest, require_checkpoint
from search.encoders.open_clip.self_test import self_test
from search.encoders.presets import Preset
from search.encoders.runtime import Runtime, pick_runtime
from search.errors import WeightsRefused
from search.types import Space, TextRole, Vectors

TEXTS_AT_ONCE = 64

Tokenizer = Callable[[list[str]], Tensor]


class OpenClipEncoder:
    """One open_clip model. Calls from several threads are serialised: a model call already uses every core."""

    def __init__(
        self, space: Space, runtime: Runtime, model: Any, transform: Callable[[Image.Image], Tensor],
        tokenizer: Tokenizer,
    ) -> None:  # fmt: skip
        self.space = space
        self.picture_batch_size = runtime.picture_batch_size
        self.decode_size = max(_sides(model))
        self.tokenizer = tokenizer
        self._runtime = runtime
        self._model = model
        self._transform = transform
        self._lock = threading.Lock()

    def prepare_picture(self, picture: Image.Image) -> Pixels:
        """RGB picture → (3, height, width), resized and normalised as the checkpoint's configuration says."""
        pixels: Pixels = self._transform(picture).numpy()
        return pixels

    def encode_pictures(self, batch: Sequence[Pixels]) -> Vectors:
        """Prepared pictures → (n, dim) unit vectors."""
        if not batch:
            return self._nothing()
        pixels = torch.from_numpy(np.stack(batch)).to(self._runtime.device, self._runtime.dtype)
        return self._encode(self._model.encode_image, pixels)

    def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
        """Texts → (n, dim) unit vectors, the same for both roles."""
        parts = [
            self._encode(self._model.encode_text, self.tokenizer(list(texts[start : start + TEXTS_AT_ONCE])))
            for start in range(0, len(texts), TEXTS_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else self._nothing()

    @torch.inference_mode()
    def _encode(self, tower: Callable[[Tensor], Tensor], inputs: Tensor) -> Vectors:
        with self._lock:
            found = tower(inputs.to(self._runtime.device))
        vectors: Vectors = functional.normalize(found.float(), dim=-1).cpu().numpy()
        return vectors

    def _nothing(self) -> Vectors:
        return np.empty((0, self.space.dim), np.float32)


def load(preset: Preset, settings: EngineSettings) -> OpenClipEncoder:
    """The encoder of an open_clip preset.

    Raises WeightsMissing with the command that fetches the checkpoint, WeightsRefused when it is a pickle or does not
    fit, SelfTestFailed when known pairs do not match, ConfigError when the device is not there.
    """
    folder = require_checkpoint(preset, settings)
    space = preset.space(checkpoint_digest(folder))
    runtime = pick_runtime(settings)
    model, transform, tokenizer = _open(folder, runtime)
    encoder = OpenClipEncoder(space, runtime, model, transform, tokenizer)
    dim = encoder.encode_texts(["a product"], TextRole.QUERY).shape[1]
    if dim != space.dim:
        raise WeightsRefused(f"the checkpoint's vectors are not of dimension {space.dim}", value=dim)
    if preset.self_test:
        self_test(encoder)
    return encoder


def _open(folder: Path, runtime: Runtime) -> tuple[nn.Module, Callable[[Image.Image], Tensor], Tokenizer]:
    name = f"local-dir:{folder.resolve()}"
    try:
        model, transform = open_clip.create_model_from_pretrained(name, device=runtime.device)
        # Cast here: open_clip's own bf16 option fails on text towers whose projection has a bias, as SigLIP's has.
        return model.to(runtime.dtype).eval().requires_grad_(False), transform, open_clip.get_tokenizer(name)
    except (RuntimeError, ValueError, KeyError, OSError, SafetensorError) as error:
        raise WeightsRefused(
            f"open_clip cannot read the checkpoint: {error}", value=str(folder), fix="Fetch the checkpoint again."
        ) from error


def _sides(model: Any) -> tuple[int, ...]:
    size = getattr(model.visual, "image_size", 224)
    return (size,) if isinstance(size, int) else tuple(size)
