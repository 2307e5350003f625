"""The Encoder Protocol: three steps per picture batch, so that decoding, the model and storing
can overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL import Image

from search.types import Space, TextRole, Vectors

if TYPE_CHECKING:
    from torch import nn

Pixels = npt.NDArray[np.float32]
"""One preprocessed picture, shape (3, height, width), float32, normalised as the encoder wants
it."""

Prepared: TypeAlias = Any
"""What an encoder makes of one picture and alone can read: `Pixels`, or what its model takes
besides them."""

Features = npt.NDArray[np.float16]
"""What frozen towers see before any head, shape (n, width), float16. The width is the towers'
own."""

Waveform = npt.NDArray[np.float32]
"""Sound, one channel, shape (samples,), float32 from -1 to 1, at a rate that is told beside it."""

Regions = npt.NDArray[np.float32]
"""Unit vectors of the regions of pictures, shape (n, rows, columns, dim), float32."""


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """How an encoder hears: samples a second, seconds of one window, and seconds from one window
    to the next.
    """

    rate: int
    window_s: float
    hop_s: float


@runtime_checkable
class Encoder(Protocol):
    """Maps pictures and texts into one space.

    `prepare_picture` is pure, CPU-only and thread-safe: callers run it in a pool while the model
    works on the batch before. The `encode_*` calls are safe from any thread and return float32
    unit vectors.
    """

    @property
    def space(self) -> Space:
        """The space of every vector this encoder returns."""

    @property
    def picture_batch_size(self) -> int:
        """How many pictures one model call should hold on this device."""

    @property
    def calls_at_once(self) -> int:
        """How many calls from different threads keep the device busy; further ones wait for
        their turn.
        """

    @property
    def decode_size(self) -> int:
        """Shorter side, in pixels, that a decoder should keep at least; more is wasted."""

    def prepare_picture(self, picture: Image.Image) -> Prepared:
        """RGB picture → model input. Raises ModalityUnsupported where there is no picture tower."""

    def encode_pictures(self, batch: Sequence[Prepared]) -> Vectors:
        """Model inputs → (n, dim). Raises ModalityUnsupported where there is no picture tower."""

    def encode_texts(self, texts: Sequence[str], role: TextRole) -> Vectors:
        """Texts → (n, dim). Raises ModalityUnsupported where there is no text tower."""


@runtime_checkable
class RegionEncoder(Encoder, Protocol):
    """An encoder that also says what is where: one vector per region, in the space of its whole
    pictures and texts.
    """

    def encode_regions(self, batch: Sequence[Prepared]) -> Regions:
        """Model inputs → one vector for every cell of a grid over the picture, rows from the
        top.
        """


@runtime_checkable
class SoundEncoder(Encoder, Protocol):
    """An encoder that also hears: `Modality.AUDIO` is among its space's modalities. Features as
    in TunableEncoder.
    """

    @property
    def sound_format(self) -> SoundFormat:
        """What `prepare_sound` expects of a window."""

    @property
    def sound_batch_size(self) -> int:
        """How many windows one model call should hold on this device."""

    @property
    def ears(self) -> str:
        """Fingerprint of the sound tower and its preprocessing: stored features of sound belong
        to it.
        """

    def prepare_sound(self, window: Waveform) -> Prepared:
        """One window, at most `window_s` long, at `rate` → model input. Pure, CPU-only and
        thread-safe.
        """

    def encode_sounds(self, batch: Sequence[Prepared]) -> Vectors:
        """Model inputs → (n, dim) unit vectors: `project_sounds(sound_features(batch))`."""

    def sound_features(self, batch: Sequence[Prepared]) -> Features:
        """Model inputs → (n, width)."""

    def project_sounds(self, features: Features) -> Vectors:
        """Stored features of sounds → (n, dim) unit vectors."""


@runtime_checkable
class TunableEncoder(Encoder, Protocol):
    """An encoder whose vectors are small heads over features of frozen towers.

    Features are rounded to half precision before they are projected, so that a vector projected
    from stored features is the one that encoding the content again would give:
    `encode_pictures(b)` is `project_pictures(picture_features(b))`, and the same for texts.
    """

    @property
    def towers(self) -> str:
        """Fingerprint of towers and preprocessing: features of other towers must never be mixed."""

    def picture_features(self, batch: Sequence[Prepared]) -> Features:
        """Model inputs → (n, width). Raises ModalityUnsupported where there is no picture tower."""

    def text_features(self, texts: Sequence[str], role: TextRole) -> Features:
        """Texts → (n, width). Raises ModalityUnsupported where there is no text tower."""

    def project_pictures(self, features: Features) -> Vectors:
        """Stored features of pictures → (n, dim) unit vectors."""

    def project_texts(self, features: Features) -> Vectors:
        """Stored features of texts → (n, dim) unit vectors."""

    @property
    def heads(self) -> tuple[nn.Module, nn.Module]:
        """The heads over picture features and over text features: what training continues from,
        and never changes.
        """

    def with_heads(self, path: Path) -> TunableEncoder:
        """The same towers, shared, under the tuned heads of a file; the space is another one.

        Raises WeightsMissing, and WeightsRefused for a file that is damaged or belongs to other
        towers.
        """
