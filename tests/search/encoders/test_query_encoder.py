from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from search.encoders.compact.engine import CompactEncoder
from search.encoders.query_encoder import MicroBatcher, QueryEncoder, VectorCache
from search.types import TextRole, Vectors


class Recorder:
    """Encodes a number as a one-dimensional vector; waits at a gate, so that callers pile up."""

    def __init__(self, gate: threading.Event) -> None:
        self.gate = gate
        self.batches: list[list[int]] = []

    def __call__(self, values: Sequence[int]) -> Vectors:
        self.gate.wait(10)
        self.batches.append(list(values))
        return np.array([[value] for value in values], np.float32)


def test_waiting_callers_share_calls_and_get_their_own_vectors() -> None:
    gate = threading.Event()
    recorder = Recorder(gate)
    batcher = MicroBatcher(recorder, max_batch_size=8)
    with ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(batcher, value) for value in range(20)]
        while batcher._waiting.qsize() < 19:
            threading.Event().wait(0.01)
        gate.set()
        assert [answer.result(10)[0] for answer in answers] == list(range(20))
    assert len(recorder.batches) <= 5 and max(map(len, recorder.batches)) == 8
    assert sorted(value for batch in recorder.batches for value in batch) == list(range(20))


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit(1)])
def test_an_error_reaches_every_caller_and_the_next_call_works(error: BaseException) -> None:
    broken = threading.Event()

    def encode(values: Sequence[int]) -> Vectors:
        if not broken.is_set():
            raise error
        return np.zeros((len(values), 1), np.float32)

    batcher = MicroBatcher(encode, max_batch_size=4)
    with ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(batcher, value) for value in range(6)]
        assert all(isinstance(answer.exception(10), type(error)) for answer in answers)
    broken.set()
    assert batcher(1).shape == (1,)


def test_missing_rows_raise_an_error_for_every_caller() -> None:
    batcher: MicroBatcher[int] = MicroBatcher(
        lambda values: np.zeros((0, 1), np.float32), max_batch_size=4
    )
    with pytest.raises(ValueError, match="zip"):
        batcher(1)


def test_cache_evicts_the_least_recently_used() -> None:
    cache = VectorCache(2)
    for text in ("a", "b"):
        cache.put("space", TextRole.QUERY, text, np.ones(1, np.float32))
    assert cache.get("space", TextRole.QUERY, "a") is not None
    cache.put("space", TextRole.QUERY, "c", np.ones(1, np.float32))
    assert cache.get("space", TextRole.QUERY, "b") is None
    assert cache.get("space", TextRole.QUERY, "a") is not None


def test_cache_distinguishes_spaces_and_roles() -> None:
    cache = VectorCache(8)
    cache.put("one", TextRole.QUERY, "mug", np.ones(1, np.float32))
    assert cache.get("two", TextRole.QUERY, "mug") is None
    assert cache.get("one", TextRole.DOCUMENT, "mug") is None


def test_query_encoder_gives_the_encoders_vectors(compact: CompactEncoder) -> None:
    queries = QueryEncoder(compact)
    picture = Image.new("RGB", (50, 80), "red")
    text = queries.embed_text("red mug")
    assert np.allclose(text, compact.encode_texts(["red mug"], TextRole.QUERY)[0], atol=5e-3)
    expected = compact.encode_pictures([compact.prepare_picture(picture)])[0]
    assert np.allclose(queries.embed_picture(picture), expected, atol=5e-3)
    assert queries.embed_text("red mug") is text
    with pytest.raises(ValueError, match="read-only"):
        text[0] = 0
    assert queries.space == compact.space
