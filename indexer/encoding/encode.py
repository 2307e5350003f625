"""Encode a batch of texts or pictures; find an input that fails by bisection."""

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
"""The features of one content, (width,), and its unit vector, (dim,)."""

MODEL_ERRORS = (RuntimeError, ValueError, MemoryError)
"""What a model raises on an input that it cannot take; too little GPU memory is a RuntimeError.
An EncoderError does not depend on the input: it ends the run, and every claim is released."""


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """The outcome of each content of a claim, and the seconds spent waiting and in the model."""

    encoded: tuple[EncodedContent, ...]
    failed: tuple[FailedContent, ...]
    decode_wait_s: float
    encode_s: float


def encode_texts(contents: Sequence[Content], encoder: TunableEncoder) -> EncodedBatch:
    """Encode texts. Raises Unavailable when several fail and all do: the encoder is broken."""
    started = time.perf_counter()

    def encode(texts: Sequence[str]) -> list[Row]:
        features = encoder.text_features(texts, TextRole.DOCUMENT)
        return make_rows(features, encoder.project_texts(features), len(texts), encoder)

    outcomes = encode_inputs(encode, [content.value for content in contents])
    return _make_batch(Modality.TEXT, contents, outcomes, 0.0, time.perf_counter() - started)


def encode_pictures(
    contents: Sequence[Content],
    loading: Sequence[Future[Pixels | EncodeError]],
    encoder: TunableEncoder,
) -> EncodedBatch:
    """Encode pictures while they are loaded.

    Raises Unavailable when several can be decoded and all fail: the encoder is broken.
    """
    started = time.perf_counter()
    loaded = [future.result() for future in loading]
    waited = time.perf_counter() - started
    pixels = [item for item in loaded if not isinstance(item, EncodeError)]

    def encode(batch: Sequence[Pixels]) -> list[Row]:
        features = encoder.picture_features(batch)
        return make_rows(features, encoder.project_pictures(features), len(batch), encoder)

    rows = iter(encode_inputs(encode, pixels))
    outcomes = [item if isinstance(item, EncodeError) else next(rows) for item in loaded]
    return _make_batch(
        Modality.PICTURE, contents, outcomes, waited, time.perf_counter() - started - waited
    )


def with_stored(
    encode: Callable[[], EncodedBatch],
    modality: Modality,
    stored: Mapping[Job, Features],
    encoder: TunableEncoder,
) -> EncodedBatch:
    """Encode a batch and add the contents whose features are stored.

    These need neither decoding nor a tower, only a projection.
    """
    batch = encode()
    if not stored:
        return batch
    features = np.stack(list(stored.values()))
    project = encoder.project_texts if modality == Modality.TEXT else encoder.project_pictures
    rows = make_rows(features, project(features), len(stored), encoder)
    projected = [
        EncodedContent(job, (ContentViews(modality, row[1], None),))
        for job, row in zip(stored, rows, strict=True)
    ]
    return replace(batch, encoded=(*batch.encoded, *projected))


def make_rows(
    features: Features, vectors: Vectors, count: int, encoder: TunableEncoder
) -> list[Row]:
    """Pair features and vectors. Raises ValueError unless they are `count` unit vectors."""
    check_vectors(vectors, count, encoder.space.dim)
    return list(zip(features, vectors, strict=True))


def encode_inputs(
    encode: Callable[[Sequence[Input]], list[Row]], inputs: Sequence[Input]
) -> list[Row | EncodeError]:
    """Return a row or an error per input. Raises Unavailable when several fail and all do."""
    outcomes = encode_or_bisect(encode, inputs) if inputs else []
    errors = [outcome for outcome in outcomes if isinstance(outcome, EncodeError)]
    if len(errors) == len(inputs) > 1:
        raise Unavailable(
            f"the encoder failed on each of {len(inputs)} inputs: {errors[0].message}"
        )
    return outcomes


def encode_or_bisect(
    encode: Callable[[Sequence[Input]], list[Row]], inputs: Sequence[Input]
) -> list[Row | EncodeError]:
    """Return a row or an error per input, with log2(n) extra calls for a single bad one."""
    try:
        return list(encode(inputs))
    except MODEL_ERRORS as error:
        if len(inputs) == 1:
            return [EncodeError.of(error)]
        half = len(inputs) // 2
        return encode_or_bisect(encode, inputs[:half]) + encode_or_bisect(encode, inputs[half:])


def _make_batch(
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
