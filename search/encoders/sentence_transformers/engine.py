"""Any SentenceTransformer folder, of texts alone or of texts, pictures and sounds in one space,
read from local disk.

Pictures and sounds go through the model's own preprocessing one by one, in the caller's pool;
the model call only joins the tensors that come out. Code from a checkpoint is never run and
pickles are never read.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformer
from torch import Tensor
from torch.nn import functional

from search.config import EngineSettings
from search.encoders.checkpoints import checkpoint_digest, require_checkpoint
from search.encoders.device import Runtime, pick_runtime
from search.encoders.lazy import Lazy
from search.encoders.presets import Preset
from search.encoders.protocol import AudioFormat, Features, Waveform
from search.encoders.sanity_check import check_pairs, check_pictures, check_texts
from search.encoders.sentence_transformers.inputs import Inputs, Padding, join
from search.errors import InvalidWeights, ModalityUnsupported
from search.types import Modality, Space, TextRole, Vectors

TEXTS_AT_ONCE = 64

THEIRS: dict[Modality, Literal["image", "audio"]] = {
    Modality.PICTURE: "image",
    Modality.AUDIO: "audio",
}
"""The library's names of modalities."""

SOUND = AudioFormat(rate=16_000, window_s=10.0, hop_s=5.0)
"""What the feature extractor of Gemma's audio tower takes; the tower hears up to half a minute
at once."""

UNREADABLE = (
    RuntimeError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ImportError,
    OSError,
    SafetensorError,
)
"""What the library raises on folders it cannot load."""


class Model:
    """A SentenceTransformer on its device. Calls from several threads are serialised."""

    def __init__(self, model: SentenceTransformer, runtime: Runtime, dim: int) -> None:
        self.transformer = runtime.compile(model.eval().requires_grad_(False))
        self._runtime = runtime
        self._dim = dim
        self._lock = threading.Lock()
        tokenizer = model.tokenizer
        self._padding = Padding(tokenizer.pad_token_id or 0, tokenizer.padding_side)

    def prepare(self, content: object, modality: Modality) -> Inputs:
        """An RGB picture, or a sound as the library takes it → the model's inputs for it.

        Raises ModalityUnsupported when the model has no tower for it.
        """
        if not self.transformer.supports(THEIRS[modality]):
            raise ModalityUnsupported(
                f"this SentenceTransformer has no {modality} tower",
                value=self.transformer.modalities,
                fix=f"Choose a preset of a multimodal model, or take `{modality}` out of the preset's modalities.",
            )
        found: Inputs = self.transformer.preprocess([content])
        return found

    @torch.inference_mode()
    def encode(self, batch: Sequence[Inputs]) -> Vectors:
        """Prepared pictures, or prepared sounds → (n, dim) unit vectors."""
        joined = join(batch, self._padding)
        sent = {
            name: self._sent(value) if isinstance(value, Tensor) else value
            for name, value in joined.items()
        }
        with self._lock:
            return self._unit(self.transformer(sent)["sentence_embedding"])

    def texts(self, texts: Sequence[str], role: TextRole, prompt: str | None) -> Vectors:
        """Texts → (n, dim) unit vectors, with the prompt of that name or else the model's own
        for the role.
        """
        encode = (
            self.transformer.encode_query
            if role == TextRole.QUERY
            else self.transformer.encode_document
        )
        with self._lock:
            return self._unit(
                encode(
                    list(texts),
                    prompt_name=prompt,
                    batch_size=TEXTS_AT_ONCE,
                    convert_to_tensor=True,
                    show_progress_bar=False,
                )
            )

    def _sent(self, inputs: Tensor) -> Tensor:
        sent = self._runtime.send(
            inputs.pin_memory() if self._runtime.device.type == "cuda" else inputs
        )
        return sent.to(self._runtime.dtype) if sent.is_floating_point() else sent

    def _unit(self, found: Tensor) -> Vectors:
        vectors: Vectors = functional.normalize(found.float(), dim=-1).cpu().numpy()
        if vectors.shape[1] != self._dim:
            raise InvalidWeights(
                f"the model's vectors are not of dimension {self._dim}", value=vectors.shape[1]
            )
        return vectors


class SentenceTransformerEncoder:
    """One SentenceTransformer. Where the preset says which part of the model serves pictures
    alone, a process that only encodes texts never holds that part; the first picture loads the
    model anew, with it.
    """

    def __init__(self, preset: Preset, space: Space, folder: Path, runtime: Runtime) -> None:
        self.space = space
        self.picture_batch_size = runtime.picture_batch_size
        self.max_concurrent_calls = 1
        self.decode_size = preset.decode_size
        self.audio_format = SOUND
        self.audio_batch_size = runtime.picture_batch_size // 8
        self.audio_tower_id = space.fingerprint
        self._preset = preset
        self._folder = folder
        self._runtime = runtime
        loading = threading.RLock()
        self.whole: Lazy[Model] = Lazy(self._load_whole, loading)
        apart = Modality.PICTURE in preset.parts
        self.blind: Lazy[Model] = Lazy(self._load_blind, loading) if apart else self.whole

    def prepare_picture(self, picture: Image.Image) -> Inputs:
        """RGB picture → the model's inputs for it. Raises ModalityUnsupported, and at the first
        call InvalidWeights or SelfTestFailed.
        """
        self._require(Modality.PICTURE)
        return self.whole.get().prepare(picture, Modality.PICTURE)

    def encode_pictures(self, batch: Sequence[Inputs]) -> Vectors:
        """Prepared pictures → (n, dim) unit vectors. Raises as `prepare_picture` does."""
        self._require(Modality.PICTURE)
        return self.whole.get().encode(batch) if batch else self._nothing()

    def prepare_audio(self, window: Waveform) -> Inputs:
        """A window → the model's inputs for it. Raises as `prepare_picture` does."""
        self._require(Modality.AUDIO)
        return self.whole.get().prepare(
            {"array": window, "sampling_rate": SOUND.rate}, Modality.AUDIO
        )

    def encode_audio(self, batch: Sequence[Inputs]) -> Vectors:
        """Prepared windows → (n, dim) unit vectors. Raises as `prepare_picture` does."""
        return self.project_audio(self.audio_features(batch))

    def audio_features(self, batch: Sequence[Inputs]) -> Features:
        """Prepared windows → the model's own vectors, (n, dim) float16. Raises as
        `prepare_picture` does.
        """
        self._require(Modality.AUDIO)
        return (self.whole.get().encode(batch) if batch else self._nothing()).astype(np.float16)

    def project_audio(self, features: Features) -> Vectors:
        """The model's own vectors, of unit length again."""
        vectors = features.astype(np.float32)
        return cast(
            "Vectors", vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
        )

    def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
        """Texts → (n, dim) unit vectors. Raises as `prepare_picture` does."""
        self._require(Modality.TEXT)
        if not texts:
            return self._nothing()
        model = (self.whole if self.whole.loaded else self.blind).get()
        return model.texts(texts, role, self._preset.prompts.get(role))

    def _require(self, modality: Modality) -> None:
        if modality not in self.space.modalities:
            raise ModalityUnsupported(f"preset {self.space.preset} has no {modality} tower")

    def _load_blind(self) -> Model:
        return self._load(frozenset({Modality.TEXT}))

    def _load_whole(self) -> Model:
        model = self._load(self.space.modalities)
        sees = Modality.PICTURE in self.space.modalities and model.transformer.supports("image")
        if self._preset.sanity_check and sees:
            check_pictures(lambda drawn: _drawings(model, drawn))
            check_pairs(
                lambda texts: self._queries(model, texts), lambda drawn: _drawings(model, drawn)
            )
        self.blind.forget()
        return model

    def _load(self, modalities: frozenset[Modality]) -> Model:
        left_out = {
            part: None
            for modality, part in self._preset.parts.items()
            if modality not in modalities
        }
        model = Model(self._open(left_out), self._runtime, self.space.dim)
        if self._preset.sanity_check and Modality.TEXT in modalities:
            check_texts(lambda texts: self._queries(model, texts))
        return model

    def _open(self, left_out: dict[str, None]) -> SentenceTransformer:
        chosen: dict[str, Any] = {"dtype": self._runtime.dtype, "use_safetensors": True}
        try:
            return SentenceTransformer(
                str(self._folder.resolve()),
                device=str(self._runtime.device),
                trust_remote_code=False,
                local_files_only=True,
                model_kwargs=chosen,
                config_kwargs=dict(left_out),
            )
        except UNREADABLE as error:
            raise InvalidWeights(
                f"sentence-transformers cannot read the checkpoint: {error}",
                value=str(self._folder),
                fix="Fetch the checkpoint again. Models that need code of their own are not run.",
            ) from error

    def _queries(self, model: Model, texts: Sequence[str]) -> Vectors:
        return model.texts(texts, TextRole.QUERY, self._preset.prompts.get(TextRole.QUERY))

    def _nothing(self) -> Vectors:
        return np.empty((0, self.space.dim), np.float32)


def _drawings(model: Model, pictures: Sequence[Image.Image]) -> Vectors:
    return model.encode([model.prepare(picture, Modality.PICTURE) for picture in pictures])


def load(preset: Preset, settings: EngineSettings) -> SentenceTransformerEncoder:
    """The encoder of a sentence-transformers preset; the model is read, and tested, at its first
    use.

    Raises WeightsMissing with the command that fetches the checkpoint, InvalidWeights when it
    holds a pickle or a file is not as the preset says, ConfigError when the device is not there.
    """
    folder = require_checkpoint(preset, settings)
    return SentenceTransformerEncoder(
        preset, preset.space(checkpoint_digest(folder)), folder, pick_runtime(settings)
    )
