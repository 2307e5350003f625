"""The Encoder protocol and the types that encoders share.

A picture batch takes three steps (prepare, features, project), so that decoding, the model and
storing overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL import Image

from search.errors import ModalityUnsupported
from search.types import AudioFormat, Modality, Space, TextRole, Vectors, Waveform

if TYPE_CHECKING:
    from torch import nn

Pixels = npt.NDArray[np.float32]
"""One preprocessed picture, shape (3, height, width), normalised as the encoder expects."""

Prepared: TypeAlias = Any
"""Model input of one picture or audio window; opaque to everyone but its encoder."""

Features = npt.NDArray[np.float16]
"""Output of frozen towers, before any head: shape (n, width), where the width is the tower's."""

Regions = npt.NDArray[np.float32]
"""Unit vectors of picture regions, shape (n, rows, columns, dim)."""


@runtime_checkable
class Encoder(Protocol):
    """Maps pictures and texts into one space.

    `prepare_picture` is pure, runs on the CPU and is thread-safe: callers run it in a pool while
    the model encodes the batch before. The `encode_*` methods are thread-safe too and return
    float32 unit vectors.
    """

    @property
    def space(self) -> Space:
        """The space of every vector this encoder returns."""

    @property
    def picture_batch_size(self) -> int:
        """Number of pictures per model call that suits this device."""

    @property
    def max_concurrent_calls(self) -> int:
        """Number of concurrent calls that keeps the device busy; further calls wait."""

    @property
    def decode_size(self) -> int:
        """Shorter side in pixels that a decoder must keep; a larger picture is wasted work."""

    def prepare_picture(self, picture: Image.Image) -> Prepared:
        """Turn an RGB picture into model input.

        Raises ModalityUnsupported without a picture tower.
        """

    def encode_pictures(self, batch: Sequence[Prepared]) -> Vectors:
        """Encode model inputs: (n, dim). Raises ModalityUnsupported without a picture tower."""

    def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
        """Encode texts: (n, dim). Raises ModalityUnsupported without a text tower."""


@runtime_checkable
class RegionEncoder(Encoder, Protocol):
    """An encoder that also embeds regions of a picture, in the space of whole pictures."""

    def encode_regions(self, batch: Sequence[Prepared]) -> Regions:
        """Encode each cell of a grid over the picture, rows from the top."""


@runtime_checkable
class AudioEncoder(Encoder, Protocol):
    """An encoder with an audio tower: its space's modalities include `Modality.AUDIO`.

    For features see TunableEncoder.
    """

    @property
    def audio_format(self) -> AudioFormat:
        """The windows that `prepare_audio` takes."""

    @property
    def audio_batch_size(self) -> int:
        """Number of windows per model call that suits this device."""

    @property
    def audio_tower_id(self) -> str:
        """Fingerprint of the audio tower and its preprocessing; key of stored audio features."""

    def prepare_audio(self, window: Waveform) -> Prepared:
        """Turn a window of at most `window_s` at `rate` into model input.

        Pure, runs on the CPU, thread-safe.
        """

    def encode_audio(self, batch: Sequence[Prepared]) -> Vectors:
        """Encode model inputs: `project_audio(audio_features(batch))`."""

    def audio_features(self, batch: Sequence[Prepared]) -> Features:
        """Compute features of model inputs: (n, width)."""

    def project_audio(self, features: Features) -> Vectors:
        """Project stored features: (n, dim) unit vectors."""


@runtime_checkable
class TunableEncoder(Encoder, Protocol):
    """An encoder of frozen towers with small trainable heads.

    Features are rounded to half precision before projection. A vector projected from stored
    features therefore equals the vector of a new encoding: `encode_pictures(b)` is
    `project_pictures(picture_features(b))`, and the same holds for texts.
    """

    @property
    def tower_id(self) -> str:
        """Fingerprint of towers and preprocessing. Never mix features of different towers."""

    @property
    def projection_heads(self) -> tuple[nn.Module, nn.Module]:
        """Heads over picture features and text features; training starts from a copy."""

    def picture_features(self, batch: Sequence[Prepared]) -> Features:
        """Compute features: (n, width). Raises ModalityUnsupported without a picture tower."""

    def text_features(self, texts: Sequence[str], role: TextRole) -> Features:
        """Compute features: (n, width). Raises ModalityUnsupported without a text tower."""

    def project_pictures(self, features: Features) -> Vectors:
        """Project stored features: (n, dim) unit vectors."""

    def project_texts(self, features: Features) -> Vectors:
        """Project stored features: (n, dim) unit vectors."""

    def with_heads(self, path: Path) -> TunableEncoder:
        """Return an encoder with the tuned heads of a file, in a space of its own.

        Towers are shared. Raises WeightsMissing, and InvalidWeights for a file that is damaged
        or belongs to other towers.
        """


def supports_audio(encoder: Encoder) -> TypeGuard[AudioEncoder]:
    """Return whether the encoder has an audio tower."""
    return Modality.AUDIO in encoder.space.modalities


def require_audio(encoder: Encoder) -> AudioEncoder:
    """Return the encoder as one with an audio tower. Raises ModalityUnsupported."""
    if not supports_audio(encoder):
        raise ModalityUnsupported(
            "the active encoder does not support audio",
            value=encoder.space.preset,
            fix="Search by text or by picture.",
        )
    return encoder


def mean_audio_vector(windows: Vectors) -> Vectors:
    """Return the normalised mean of a sound's windows, (n, dim) → (dim,)."""
    mean = windows.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-6), dtype=np.float32)
