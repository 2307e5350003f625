"""Any image-text model of the open_clip library, read from a checkpoint on local disk, each
tower at its first use.

Nothing is downloaded here: a server that fetches weights when it starts hangs when the hub is
away. The tokenizer is open_clip's own for the checkpoint, because SigLIP text that is not
lower-cased and padded as in training is silently wrong (Zhai et al., Sigmoid Loss for Language
Image Pre-Training, 2023, and the open_clip model configurations).
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

TEXTS_AT_ONCE = 64


class Tower:
    """A tower on its device. As many calls run side by side as keep the device busy; others
    wait.
    """

    def __init__(self, module: nn.Module, runtime: Runtime, dim: int) -> None:
        self.module = runtime.place(module)
        self._dim = dim
        self._turns = runtime.turns()

    @torch.inference_mode()
    def __call__(self, inputs: Tensor) -> Vectors:
        """Inputs on the device → (n, dim) unit vectors. Raises InvalidWeights when they have
        another dimension.
        """
        with self._turns:
            vectors: Vectors = (
                functional.normalize(self.module(inputs).float(), dim=-1).cpu().numpy()
            )
        if vectors.shape[1] != self._dim:
            raise InvalidWeights(
                f"a tower's vectors are not of dimension {self._dim}", value=vectors.shape[1]
            )
        return vectors


class OpenClipEncoder:
    """One open_clip model. A process that only encodes texts never holds the picture tower, and
    vice versa.
    """

    def __init__(
        self, space: Space, checkpoint: Checkpoint, runtime: Runtime, *, tested: bool
    ) -> None:
        self.space = space
        self.picture_batch_size = runtime.picture_batch_size
        self.max_concurrent_calls = runtime.max_concurrent_calls
        size = checkpoint.picture_size()
        self.decode_size = size if isinstance(size, int) else max(size)
        self._checkpoint = checkpoint
        self._runtime = runtime
        self._tested = tested
        self._transform = checkpoint.transform()
        loading = threading.RLock()
        self.pictures: Lazy[Tower] = Lazy(self._load_pictures, loading)
        self.texts: Lazy[tuple[Tokenizer, Tower]] = Lazy(self._load_texts, loading)

    def prepare_picture(self, picture: Image.Image) -> Pixels:
        """RGB picture → (3, height, width), resized and normalised as the checkpoint's
        configuration says.
        """
        pixels: Pixels = self._transform(picture).numpy()
        return pixels

    def encode_pictures(self, batch: Sequence[Pixels]) -> Vectors:
        """Prepared pictures → (n, dim) unit vectors. Raises InvalidWeights or SelfTestFailed at
        the first call.
        """
        return self._pictures(self.pictures.get(), batch) if batch else self._nothing()

    def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
        """Texts → (n, dim) unit vectors, the same for both roles. Raises as `encode_pictures`
        does.
        """
        return self._texts(*self.texts.get(), texts) if texts else self._nothing()

    def _pictures(self, tower: Tower, batch: Sequence[Pixels]) -> Vectors:
        return tower(self._runtime.stack(batch))

    def _texts(self, tokenizer: Tokenizer, tower: Tower, texts: Sequence[str]) -> Vectors:
        batches = (
            list(texts[start : start + TEXTS_AT_ONCE])
            for start in range(0, len(texts), TEXTS_AT_ONCE)
        )
        return np.concatenate([tower(self._runtime.send(tokenizer(batch))) for batch in batches])

    def _load_pictures(self) -> Tower:
        tower = Tower(self._checkpoint.picture_tower(), self._runtime, self.space.dim)
        if self._tested:
            check_pictures(lambda pictures: self._drawings(tower, pictures))
            if self.texts.loaded:
                self._check_pairs(tower, *self.texts.get())
        return tower

    def _load_texts(self) -> tuple[Tokenizer, Tower]:
        tokenizer = self._checkpoint.tokenizer()
        tower = Tower(self._checkpoint.text_tower(), self._runtime, self.space.dim)
        if self._tested:
            check_texts(lambda texts: self._texts(tokenizer, tower, texts))
            if self._checkpoint.trained_without_capitals:
                check_letter_case(lambda texts: self._texts(tokenizer, tower, texts))
            if self.pictures.loaded:
                self._check_pairs(self.pictures.get(), tokenizer, tower)
        return tokenizer, tower

    def _check_pairs(self, pictures: Tower, tokenizer: Tokenizer, texts: Tower) -> None:
        check_pairs(
            lambda given: self._texts(tokenizer, texts, given),
            lambda given: self._drawings(pictures, given),
        )

    def _drawings(self, tower: Tower, pictures: Sequence[Image.Image]) -> Vectors:
        return self._pictures(tower, [self.prepare_picture(picture) for picture in pictures])

    def _nothing(self) -> Vectors:
        return np.empty((0, self.space.dim), np.float32)


def load(preset: Preset, settings: EngineSettings) -> OpenClipEncoder:
    """The encoder of an open_clip preset; its towers are read, and tested, at their first use.

    Raises WeightsMissing with the command that fetches the checkpoint, InvalidWeights when it is
    a pickle, is damaged or does not fit, ConfigError when the device is not there.
    """
    folder = require_checkpoint(preset, settings)
    space = preset.space(checkpoint_digest(folder))
    checkpoint = read_checkpoint(folder)
    if checkpoint.dim != space.dim:
        raise InvalidWeights(
            f"the checkpoint's vectors are not of dimension {space.dim}",
            value=checkpoint.dim,
            fix=f"Put the checkpoint of {preset.hub or preset.model} into {folder}.",
        )
    return OpenClipEncoder(space, checkpoint, pick_runtime(settings), tested=preset.sanity_check)
