"""Types of the engine.

This module imports nothing from the project, so every other module may import it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
"""Unit vectors, shape (n, dim), float32."""

Waveform = npt.NDArray[np.float32]
"""Mono sound, shape (samples,), from -1 to 1. The sample rate is passed separately."""

Ids = npt.NDArray[np.int64]
"""Database ids, shape (n,), int64."""


class Modality(enum.StrEnum):
    """Modality of an asset or of a view.

    A segment holds views of one modality, because modalities score on different scales.
    """

    TEXT = "text"
    PICTURE = "picture"
    AUDIO = "audio"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How sound is cut for an encoder: sample rate in Hz, window length and hop in seconds."""

    rate: int
    window_s: float
    hop_s: float


_ASSET_BITS = 40
_ASSET_MASK = (1 << _ASSET_BITS) - 1

_IdOrIds = TypeVar("_IdOrIds", int, Ids)


def make_view_id(asset_id: _IdOrIds, part_number: _IdOrIds) -> _IdOrIds:
    """Return the id of an asset's view: the asset's id in the lower 40 bits, the part above.

    Part 0 is the asset as a whole; parts of a clip count from 1. So the id of a text or a
    picture, which is one view, equals that of its asset.
    """
    return part_number << _ASSET_BITS | asset_id


def view_asset_id(view_id: _IdOrIds) -> _IdOrIds:
    """Return the id of the asset that a view belongs to."""
    return view_id & _ASSET_MASK


def view_part_number(view_id: _IdOrIds) -> _IdOrIds:
    """Return the number of the view within its asset; 0 is the asset as a whole."""
    return view_id >> _ASSET_BITS


@dataclass(frozen=True, slots=True)
class Span:
    """Part of a clip that a view covers, in seconds from its beginning."""

    start: float
    end: float


class TextRole(enum.StrEnum):
    """Role of a text: some encoders embed queries and documents differently."""

    QUERY = "query"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Space:
    """Encoder preset + weights + preprocessing. Vectors of different spaces are not comparable.

    `fingerprint` is a short hexadecimal digest of everything that changes a vector.
    """

    preset: str
    fingerprint: str
    dim: int
    modalities: frozenset[Modality]


@dataclass(frozen=True, slots=True)
class ViewBatch:
    """Embeddings of views of one modality: view ids (`make_view_id`), product ids, unit vectors.

    Shapes: `view_ids` (n,), `product_ids` (n,), `vectors` (n, dim).
    """

    modality: Modality
    view_ids: Ids
    product_ids: Ids
    vectors: Vectors

    def __len__(self) -> int:
        return len(self.view_ids)


@dataclass(frozen=True, slots=True)
class ProductViews:
    """One change of a product: every view that it has from `seq` on, of all modalities.

    There are none when the product is deleted or hidden. `seq` is above zero and grows with every
    change of any product. Every row must carry this `product_id`.
    """

    product_id: int
    seq: int
    batches: tuple[ViewBatch, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidates:
    """Views that a search returns for one query, best first.

    All arrays have shape (k,); `scores` are inner products.
    """

    modality: Modality
    view_ids: Ids
    product_ids: Ids
    scores: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a product is a hit: the view that matched, its cosine and its standardised score.

    `best_part` is the number of the part of a clip that matched best, also if the clip as a whole
    matched better; 0 for a view without parts. `span` is the time span of that part; it is only
    looked up for hits that are displayed.
    """

    modality: Modality
    view_id: int
    score: float
    standardised: float
    best_part: int = 0
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A product found, with one piece of evidence per modality that contributed."""

    product_id: int
    score: float
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class StageTimings:
    """Milliseconds per named stage of one answer or one batch."""

    stages: Mapping[str, float] = field(default_factory=dict)

    @property
    def total_ms(self) -> float:
        return sum(self.stages.values())
