"""Latency of one text query, and throughput of concurrent queries with and without batching."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from search.encoders.compact.engine import CompactEncoder
from search.encoders.protocol import Encoder
from search.encoders.query_encoder import QueryEncoder
from search.types import TextRole
from tools.bench.timing import Run, percentile_ms, rates, seconds, time_interleaved
from tools.bench.torch_baseline import PlainTorchEncoder

THREADS = 16


@dataclass(frozen=True, slots=True)
class TextLatency:
    """Percentiles in milliseconds."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class TextFigures:
    """Latency of one query at a time; queries per second of 16 threads, all uncached."""

    latency: dict[str, TextLatency]
    concurrent: dict[str, float]


def measure_texts(encoder: CompactEncoder, texts: Sequence[str], repetitions: int) -> TextFigures:
    return TextFigures(
        _latency(encoder, texts, repetitions), _concurrent(encoder, texts, repetitions)
    )


def _latency(
    encoder: CompactEncoder, texts: Sequence[str], repetitions: int
) -> dict[str, TextLatency]:
    eager = PlainTorchEncoder(encoder)
    taken: dict[str, list[float]] = {"eager": [], "uncached": [], "cached": []}
    eager.encode_text(texts[0])
    encoder.encode_texts(texts[:1], TextRole.QUERY)
    for _ in range(repetitions):
        query_encoder = QueryEncoder(encoder)
        for text in texts:
            taken["eager"].append(seconds(partial(eager.encode_text, text)))
            taken["uncached"].append(seconds(partial(query_encoder.embed_text, text)))
            taken["cached"].append(seconds(partial(query_encoder.embed_text, text)))
    return {
        name: TextLatency(percentile_ms(times, 50), percentile_ms(times, 95))
        for name, times in taken.items()
    }


def _concurrent(encoder: Encoder, texts: Sequence[str], repetitions: int) -> dict[str, float]:
    queries = list(texts) * max(1, 2 * THREADS // len(texts))
    # A cache of one text never hits, so that the encoding is measured.
    together = QueryEncoder(encoder, max_cached_texts=1)
    with ThreadPoolExecutor(THREADS) as pool:
        taken = time_interleaved(
            {
                "one by one": _map_threads(
                    pool, lambda text: encoder.encode_texts([text], TextRole.QUERY), queries
                ),
                "micro-batched": _map_threads(pool, together.embed_text, queries),
            },
            repetitions,
        )
    return rates(taken, len(queries))


def _map_threads(
    pool: ThreadPoolExecutor, encode: Callable[[str], object], texts: Sequence[str]
) -> Run:
    return lambda: list(pool.map(encode, texts))
