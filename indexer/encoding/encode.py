"""The model's part: a batch of contents becomes vectors, and what spoils a batch is found by
halving it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from indexer.encoding.contents import (
    Content,
    ContentViews,
    EncodedContent,
    EncodeError,
    FailedContent,
    check_vectors,
)
from indexer.encoding.jobs import Job
from search.encoders.protocol import Features, Pixels, TunableEncoder
from search.errors import Unavailable
from search.types import Modality, TextRole, Vectors

Input = TypeVar("Input")

Row = tuple[Features, Vectors]
"""One content: what the towers saw, (width,), and the unit vector, (dim,)."""

MODEL_ERRORS = (RuntimeError, ValueError, MemoryError)
"""What a model raises on inputs it cannot take; running out of GPU memory is a RuntimeError. An
EncoderError is no input's fault: it ends the drain, and every claim goes back."""


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """What became of each content of a claim, and the seconds spent waiting for inputs and in
    the model.
    """

    encoded: tuple[EncodedContent, ...]
    failed: tuple[FailedContent, ...]
    decode_wait_s: float
    encode_s: float


def encode_texts(contents: Sequence[Content], encoder: TunableEncoder) -> EncodedBatch:
    """Raises Unavailable when every text of several fails: then the encoder is at fault."""
    started = time.perf_counter()

    def encode(texts: Sequence[str]) -> list[Row]:
        features = encoder.text_features(texts, TextRole.DOCUMENT)
        return rows_of(features, encoder.project_texts(features), len(texts), encoder)

    outcomes = encode_inputs(encode, [content.value for content in contents])
    return _batch(Modality.TEXT, contents, outcomes, 0.0, time.perf_counter() - started)


def encode_pictures(
    contents: Sequence[Content],
    loading: Sequence[Future[Pixels | EncodeError]],
    encoder: TunableEncoder,
) -> EncodedBatch:
    """Raises Unavailable when every picture of several that could be decoded fails: then the
    encoder is at fault.
    """
    started = time.perf_counter()
    loaded = [future.result() for future in loading]
    waited = time.perf_counter() - started
    pixels = [item for item in loaded if not isinstance(item, EncodeError)]

    def encode(batch: Sequence[Pixels]) -> list[Row]:
        features = encoder.picture_features(batch)
        return rows_of(features, encoder.project_pictures(features), len(batch), encoder)

    rows = iter(encode_inputs(encode, pixels))
    outcomes = [item if isinstance(item, EncodeError) else next(rows) for item in loaded]
    return _batch(
        Modality.PICTURE, contents, outcomes, waited, time.perf_counter() - started - waited
    )


def with_stored(
    encode: Callable[[], EncodedBatch],
    modality: Modality,
    stored: Mapping[Job, Features],
    encoder: TunableEncoder,
) -> EncodedBatch:
    """A batch with the contents whose features are stored: those need neither decoding nor a
    tower.
    """
    batch = encode()
    if not stored:
        return batch
    features = np.stack(list(stored.values()))
    project = encoder.project_texts if modality == Modality.TEXT else encoder.project_pictures
    rows = rows_of(features, project(features), len(stored), encoder)
    projected = [
        EncodedContent(job, (ContentViews(modality, row[1], None),))
        for job, row in zip(stored, rows, strict=True)
    ]
    return replace(batch, encoded=(*batch.encoded, *projected))


def rows_of(features: Features, vectors: Vectors, count: int, encoder: TunableEncoder) -> list[Row]:
    """Raises ValueError unless these are unit vectors, one for each of `count` inputs."""
    check_vectors(vectors, count, encoder.space.dim)
    return list(zip(features, vectors, strict=True))


def encode_inputs(
    encode: Callable[[Sequence[Input]], list[Row]], inputs: Sequence[Input]
) -> list[Row | EncodeError]:
    """A row or a fault for each input. Raises Unavailable when every one of several fails."""
    outcomes = encode_or_bisect(encode, inputs) if inputs else []
    faults = [outcome for outcome in outcomes if isinstance(outcome, EncodeError)]
    if len(faults) == len(inputs) > 1:
        raise Unavailable(
            f"the encoder failed on each of {len(inputs)} inputs: {faults[0].message}"
        )
    return outcomes


def encode_or_bisect(
    encode: Callable[[Sequence[Input]], list[Row]], inputs: Sequence[Input]
) -> list[Row | EncodeError]:
    """One row or fault per input; log2(n) extra calls for a single bad one."""
    try:
        return list(encode(inputs))
    except MODEL_ERRORS as error:
        if len(inputs) == 1:
            return [EncodeError.of(error)]
        half = len(inputs) // 2
        return encode_or_bisect(encode, inputs[:half]) + encode_or_bisect(encode, inputs[half:])


def _batch(
    modality: Modality,
    contents: Sequence[Content],
    outcomes: Sequence[Row | EncodeError],
    waited: float,
    spent: float,
) -> EncodedBatch:
    pairs = list(zip(contents, outcomes, strict=True))
    return EncodedBatch(
        encoded=tuple(
            EncodedContent(content.job, (ContentViews(modality, vectors=row[1], features=row[0]),))
            for content, row in pairs
            if not isinstance(row, EncodeError)
        ),
        failed=tuple(
            FailedContent(content.job, row)
            for content, row in pairs
            if isinstance(row, EncodeError)
        ),
        decode_wait_s=waited,
        encode_s=spent,
    )
