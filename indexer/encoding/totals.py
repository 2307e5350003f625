"""What an encode worker did, and how long each step took."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, fields

from search.types import Modality


@dataclass(frozen=True, slots=True)
class BatchTimings:
    """Seconds of one batch.

    In order: claiming, the model waiting for decoded inputs, the model, the database thread waiting
    for the model, storing. Batches overlap, so the sum exceeds the time that passed.
    """

    claim_s: float = 0.0
    decode_wait_s: float = 0.0
    encode_s: float = 0.0
    model_wait_s: float = 0.0
    store_s: float = 0.0

    def __add__(self, other: BatchTimings) -> BatchTimings:
        return BatchTimings(
            *(getattr(self, item.name) + getattr(other, item.name) for item in fields(self))
        )

    def __str__(self) -> str:
        return ", ".join(
            f"{item.name[:-2]} {getattr(self, item.name) * 1000:.0f} ms" for item in fields(self)
        )


@dataclass
class EncodeTotals:
    """Sums over the batches of one run."""

    encoded: Counter[Modality] = field(default_factory=Counter)
    failed: int = 0
    batches: int = 0
    timings: BatchTimings = BatchTimings()
    _started: float = field(default_factory=time.perf_counter)

    def add(self, modality: Modality, encoded: int, failed: int, timings: BatchTimings) -> None:
        self.encoded[modality] += encoded
        self.failed += failed
        self.batches += 1
        self.timings += timings

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._started

    def __str__(self) -> str:
        parts = (
            ", ".join(f"{count} {modality}" for modality, count in sorted(self.encoded.items()))
            or "nothing"
        )
        rate = self.encoded.total() / self.seconds
        return (
            f"{parts} in {self.seconds:.1f} s ({rate:.0f}/s), {self.failed} failed; {self.timings}"
        )
