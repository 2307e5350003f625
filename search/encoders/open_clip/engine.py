"""Image-text models of the open_clip library, from a checkpoint on local disk.

Each tower is loaded at its first use. Nothing is downloaded: a server that downloads weights at
start-up hangs when the hub is not reachable. The tokenizer is open_clip's own for the checkpoint,
because SigLIP text that is not lower-cased and padded as in training gives wrong vectors without an
error (Zhai et al., Sigmoid Loss for Language Image Pre-Training, 2023, and the open_clip model
configurations).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from search.config import EngineSettings
from search.encoders.checkpoints import checkpoint_digest, require_checkpoint
from search.encoders.device import Runtime, pick_runtime
from search.encoders.lazy import Lazy
from search.encoders.open_clip.checkpoint import Checkpoint, Tokenizer, read_checkpoint
from search.encoders.presets import Preset
from search.encoders.protocol import Pixels
from search.encoders.sanity_check import check_letter_case, check_pairs, check_pictures, check_texts
from search.errors import InvalidWeights
from search.types import Space, TextRole, Vectors

TEXT_BATCH_SIZE = 64


class Tower:
    """A tower on its device; concurrent calls are limited to those that keep it busy."""

    def __init__(self, module: nn.Module, runtime: Runtime, dim: int) -> None:
        self.module = runtime.place(module)
        self._dim = dim
        self._slots = runtime.call_slots()

    @torch.inference_mode()
    def __call__(self, inputs: Tensor) -> Vectors:
        """Encode inputs on the device: (n, dim) unit vectors.

        Raises InvalidWeights when the vectors have another dimension.
        """
        with self._slots:
            vectors: Vectors = (
                functional.normalize(self.module(inputs).float(), dim=-1).cpu().numpy()
            )
        if vectors.shape[1] != self._dim:
            raise InvalidWeights(
                f"a tower's vectors are not of dimension {self._dim}", value=vectors.shape[1]
            )
        return vectors


class OpenClipEncoder:
    """An open_clip model; a process that encodes only texts never loads the picture tower."""

    def __init__(
        self, space: Space, checkpoint: Checkpoint, runtime: Runtime, *, sanity_check: bool
    ) -> None:
        self.space = space
        self.picture_batch_size = runtime.picture_batch_size
        self.max_concurrent_calls = runtime.max_concurrent_calls
        size = checkpoint.picture_size()
        self.decode_size = size if isinstance(size, int) else max(size)
        self._checkpoint = checkpoint
        self._runtime = runtime
        self._sanity_check = sanity_check
        self._transform = checkpoint.transform()
        loading = threading.RLock()
        self.pictures: Lazy[Tower] = Lazy(self._load_pictures, loading)
        self.texts: Lazy[tuple[Tokenizer, Tower]] = Lazy(self._load_texts, loading)

    def prepare_picture(self, picture: Image.Image) -> Pixels:
        """Preprocess an RGB picture as the checkpoint says, (3, height, width)."""
        pixels: Pixels = self._transform(picture).numpy()
        return pixels

    def encode_pictures(self, batch: Sequence[Pixels]) -> Vectors:
        """Encode prepared pictures: (n, dim) unit vectors.

        Raises InvalidWeights or SelfTestFailed at the first call.
        """
        return self._embed_pictures(self.pictures.get(), batch) if batch else self._no_vectors()

    def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
        """Encode texts: (n, dim) unit vectors, the same for both roles.

        Raises as `encode_pictures` does.
        """
        return self._embed_texts(*self.texts.get(), texts) if texts else self._no_vectors()

    def _embed_pictures(self, tower: Tower, batch: Sequence[Pixels]) -> Vectors:
        return tower(self._runtime.stack(batch))

    def _embed_texts(self, tokenizer: Tokenizer, tower: Tower, texts: Sequence[str]) -> Vectors:
        batches = (
            list(texts[start : start + TEXT_BATCH_SIZE])
            for start in range(0, len(texts), TEXT_BATCH_SIZE)
        )
        return np.concatenate([tower(self._runtime.send(tokenizer(batch))) for batch in batches])

    def _load_pictures(self) -> Tower:
        tower = Tower(self._checkpoint.picture_tower(), self._runtime, self.space.dim)
        if self._sanity_check:
            check_pictures(lambda pictures: self._embed_drawings(tower, pictures))
            if self.texts.is_loaded:
                self._check_pairs(tower, *self.texts.get())
        return tower

    def _load_texts(self) -> tuple[Tokenizer, Tower]:
        tokenizer = self._checkpoint.tokenizer()
        tower = Tower(self._checkpoint.text_tower(), self._runtime, self.space.dim)
        if self._sanity_check:
            check_texts(lambda texts: self._embed_texts(tokenizer, tower, texts))
            if self._checkpoint.is_lower_case_only:
                check_letter_case(lambda texts: self._embed_texts(tokenizer, tower, texts))
            if self.pictures.is_loaded:
                self._check_pairs(self.pictures.get(), tokenizer, tower)
        return tokenizer, tower

    def _check_pairs(self, pictures: Tower, tokenizer: Tokenizer, texts: Tower) -> None:
        check_pairs(
            lambda given: self._embed_texts(tokenizer, texts, given),
            lambda given: self._embed_drawings(pictures, given),
        )

    def _embed_drawings(self, tower: Tower, pictures: Sequence[Image.Image]) -> Vectors:
        return self._embed_pictures(tower, [self.prepare_picture(picture) for picture in pictures])

    def _no_vectors(self) -> Vectors:
        return np.empty((0, self.space.dim), np.float32)


def load(preset: Preset, settings: EngineSettings) -> OpenClipEncoder:
    """Return the encoder of an open_clip preset; towers are read and checked at their first use.

    Raises WeightsMissing with the command that downloads the checkpoint, InvalidWeights when it is
    a pickle, is damaged or does not fit, ConfigError when the device is not available.
    """
    folder = require_checkpoint(preset, settings)
    space = preset.make_space(checkpoint_digest(folder))
    checkpoint = read_checkpoint(folder)
    if checkpoint.dim != space.dim:
        raise InvalidWeights(
            f"the checkpoint's vectors are not of dimension {space.dim}",
            value=checkpoint.dim,
            fix=f"Put the checkpoint of {preset.hub or preset.model} into {folder}.",
        )
    return OpenClipEncoder(
        space, checkpoint, pick_runtime(settings), sanity_check=preset.sanity_check
    )
