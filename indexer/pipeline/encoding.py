"""The model's part: a batch of contents becomes vectors, and what spoils a batch is found by halving it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from indexer.pipeline.contents import Content, Encoded, Fault, SetAside, check_vectors
from search.encoders.base import Encoder, Pixels
from search.errors import EncoderError, Unavailable
from search.types import TextRole, Vectors

Input = TypeVar("Input")

MODEL_ERRORS = (RuntimeError, ValueError, MemoryError, EncoderError)
"""What a model raises on inputs it cannot take; running out of GPU memory is a RuntimeError."""


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """What became of each content of a claim, and the seconds spent waiting for inputs and in the model."""

    encoded: tuple[Encoded, ...]
    set_aside: tuple[SetAside, ...]
    decode_wait_s: float
    encode_s: float


def encode_texts(contents: Sequence[Content], encoder: Encoder) -> EncodedBatch:
    """Raises Unavailable when every text of several fails: then the encoder is at fault."""
    started = time.perf_counter()
    outcomes = _encode(
        lambda texts: encoder.encode_texts(texts, TextRole.DOCUMENT), [content.value for content in contents], encoder
    )
    return _batch(contents, outcomes, 0.0, time.perf_counter() - started)


def encode_pictures(
    contents: Sequence[Content], loading: Sequence[Future[Pixels | Fault]], encoder: Encoder
) -> EncodedBatch:
    """Raises Unavailable when every picture of several that could be decoded fails: then the encoder is at fault."""
    started = time.perf_counter()
    loaded = [future.result() for future in loading]
    waited = time.perf_counter() - started
    pixels = [item for item in loaded if not isinstance(item, Fault)]
    rows = iter(_encode(encoder.encode_pictures, pixels, encoder))
    outcomes = [item if isinstance(item, Fault) else next(rows) for item in loaded]
    return _batch(contents, outcomes, waited, time.perf_counter() - started - waited)


def _encode(
    encode: Callable[[Sequence[Input]], Vectors], inputs: Sequence[Input], encoder: Encoder
) -> list[Vectors | Fault]:
    outcomes = _encode_or_halve(encode, inputs, encoder.space.dim) if inputs else []
    faults = [outcome for outcome in outcomes if isinstance(outcome, Fault)]
    if len(faults) == len(inputs) > 1:
        raise Unavailable(f"the encoder failed on each of {len(inputs)} inputs: {faults[0].message}")
    return outcomes


def _encode_or_halve(
    encode: Callable[[Sequence[Input]], Vectors], inputs: Sequence[Input], dim: int
) -> list[Vectors | Fault]:
    """One vector or fault per input; log2(n) extra calls for a single bad one."""
    try:
        vectors = encode(inputs)
        check_vectors(vectors, len(inputs), dim)
    except MODEL_ERRORS as error:
        if len(inputs) == 1:
            return [Fault.of(error)]
        half = len(inputs) // 2
        return _encode_or_halve(encode, inputs[:half], dim) + _encode_or_halve(encode, inputs[half:], dim)
    return list(vectors)


def _batch(
    contents: Sequence[Content], outcomes: Sequence[Vectors | Fault], waited: float, spent: float
) -> EncodedBatch:
    pairs = list(zip(contents, outcomes, strict=True))
    return EncodedBatch(
        encoded=tuple(Encoded(content.job, row) for content, row in pairs if not isinstance(row, Fault)),
        set_aside=tuple(SetAside(content.job, row) for content, row in pairs if isinstance(row, Fault)),
        decode_wait_s=waited,
        encode_s=spent,
    )
