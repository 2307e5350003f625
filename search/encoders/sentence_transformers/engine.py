"""Models of the sentence-transformers library: texts, or texts, pictures and audio in one space.

Pictures and sounds are preprocessed one by one by the model's own code, in the caller's pool; the
model call only joins the resulting tensors. Models are read from local disk, pickles are never
read, and code of a checkpoint is never run.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image

from search.config import EngineSettings
from search.encoders.checkpoints import checkpoint_digest, require_checkpoint
from search.encoders.device import Runtime, pick_runtime
from search.encoders.lazy import Lazy
from search.encoders.presets import Preset
from search.encoders.protocol import Features
from search.encoders.sanity_check import check_pairs, check_pictures, check_texts
from search.encoders.sentence_transformers.model import Inputs, Model, open_transformer
from search.errors import ModalityUnsupported
from search.types import AudioFormat, Modality, Space, TextRole, Vectors, Waveform

AUDIO_FORMAT = AudioFormat(rate=16_000, window_s=10.0, hop_s=5.0)
"""Windows for Gemma's audio tower, which takes up to half a minute at once."""


class SentenceTransformerEncoder:
    """A SentenceTransformer that is loaded at its first use.

    A preset may name the part of the model that only pictures need. Then a process that encodes
    only texts loads the model without that part, and the first picture loads the whole model.
    """

    def __init__(self, preset: Preset, space: Space, folder: Path, runtime: Runtime) -> None:
        self.space = space
        self.picture_batch_size = runtime.picture_batch_size
        self.max_concurrent_calls = 1
        self.decode_size = preset.decode_size
        self.audio_format = AUDIO_FORMAT
        self.audio_batch_size = runtime.picture_batch_size // 8
        self.audio_tower_id = space.fingerprint
        self._preset = preset
        self._folder = folder
        self._runtime = runtime
        lock = threading.RLock()
        self.whole_model: Lazy[Model] = Lazy(self._load_whole_model, lock)
        has_text_model = Modality.PICTURE in preset.parts
        self.text_model: Lazy[Model] = (
            Lazy(self._load_text_model, lock) if has_text_model else self.whole_model
        )

    def prepare_picture(self, picture: Image.Image) -> Inputs:
        """Turn an RGB picture into model inputs.

        Raises ModalityUnsupported, and at the first call InvalidWeights or SelfTestFailed.
        """
        self._require(Modality.PICTURE)
        return self.whole_model.get().prepare(picture, Modality.PICTURE)

    def encode_pictures(self, batch: Sequence[Inputs]) -> Vectors:
        """Encode prepared pictures: (n, dim) unit vectors. Raises as `prepare_picture` does."""
        self._require(Modality.PICTURE)
        return self.whole_model.get().encode(batch) if batch else self._no_vectors()

    def prepare_audio(self, window: Waveform) -> Inputs:
        """Turn a window into model inputs. Raises as `prepare_picture` does."""
        self._require(Modality.AUDIO)
        return self.whole_model.get().prepare(
            {"array": window, "sampling_rate": AUDIO_FORMAT.rate}, Modality.AUDIO
        )

    def encode_audio(self, batch: Sequence[Inputs]) -> Vectors:
        """Encode prepared windows: (n, dim) unit vectors. Raises as `prepare_picture` does."""
        return self.project_audio(self.audio_features(batch))

    def audio_features(self, batch: Sequence[Inputs]) -> Features:
        """Encode prepared windows into the model's own vectors, (n, dim) float16.

        Raises as `prepare_picture` does.
        """
        self._require(Modality.AUDIO)
        vectors = self.whole_model.get().encode(batch) if batch else self._no_vectors()
        return vectors.astype(np.float16)

    def project_audio(self, features: Features) -> Vectors:
        """Scale the model's own vectors to unit length again after rounding."""
        vectors = features.astype(np.float32)
        return cast(
            "Vectors", vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
        )

    def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
        """Encode texts: (n, dim) unit vectors. Raises as `prepare_picture` does."""
        self._require(Modality.TEXT)
        if not texts:
            return self._no_vectors()
        model = (self.whole_model if self.whole_model.is_loaded else self.text_model).get()
        return model.encode_texts(texts, role, self._preset.prompts.get(role))

    def _require(self, modality: Modality) -> None:
        if modality not in self.space.modalities:
            raise ModalityUnsupported(f"preset {self.space.preset} has no {modality} tower")

    def _load_text_model(self) -> Model:
        return self._load(frozenset({Modality.TEXT}))

    def _load_whole_model(self) -> Model:
        model = self._load(self.space.modalities)
        has_pictures = Modality.PICTURE in self.space.modalities
        if self._preset.sanity_check and has_pictures and model.transformer.supports("image"):
            check_pictures(lambda pictures: _encode_drawings(model, pictures))
            check_pairs(
                lambda texts: self._encode_queries(model, texts),
                lambda pictures: _encode_drawings(model, pictures),
            )
        self.text_model.unload()
        return model

    def _load(self, modalities: frozenset[Modality]) -> Model:
        left_out = {
            part: None
            for modality, part in self._preset.parts.items()
            if modality not in modalities
        }
        transformer = open_transformer(self._folder, self._runtime, left_out)
        model = Model(transformer, self._runtime, self.space.dim)
        if self._preset.sanity_check and Modality.TEXT in modalities:
            check_texts(lambda texts: self._encode_queries(model, texts))
        return model

    def _encode_queries(self, model: Model, texts: Sequence[str]) -> Vectors:
        return model.encode_texts(texts, TextRole.QUERY, self._preset.prompts.get(TextRole.QUERY))

    def _no_vectors(self) -> Vectors:
        return np.empty((0, self.space.dim), np.float32)


def _encode_drawings(model: Model, pictures: Sequence[Image.Image]) -> Vectors:
    return model.encode([model.prepare(picture, Modality.PICTURE) for picture in pictures])


def load(preset: Preset, settings: EngineSettings) -> SentenceTransformerEncoder:
    """Return the encoder of a sentence-transformers preset, read and checked at its first use.

    Raises WeightsMissing with the command that downloads the checkpoint, InvalidWeights when it
    holds a pickle or a file is not as the preset says, ConfigError when the device is not
    available.
    """
    folder = require_checkpoint(preset, settings)
    space = preset.make_space(checkpoint_digest(folder))
    return SentenceTransformerEncoder(preset, space, folder, pick_runtime(settings))
