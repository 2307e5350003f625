"""A latency histogram: any number of searches in constant memory."""

from __future__ import annotations

import math

import numpy as np

MIN_LATENCY_S = 1e-5
STEP = 1.02
"""Ratio of neighbouring bucket bounds: a percentile is at most 2 % too high."""

BUCKETS = 900
"""Enough for nine minutes."""


class Latencies:
    """Counts by latency bucket. One thread writes; others may read."""

    def __init__(self) -> None:
        self._counts = np.zeros(BUCKETS, np.int64)

    def add(self, seconds: float) -> None:
        bucket = math.ceil(math.log(max(seconds, MIN_LATENCY_S) / MIN_LATENCY_S, STEP))
        self._counts[min(bucket, BUCKETS - 1)] += 1

    def merge(self, other: Latencies) -> None:
        self._counts += other._counts

    @property
    def count(self) -> int:
        return int(self._counts.sum())

    def percentile_ms(self, percent: float) -> float:
        """Return a percentile in milliseconds; 0 without searches."""
        if not self.count:
            return 0.0
        at = np.searchsorted(np.cumsum(self._counts), percent / 100 * self.count)
        return 1000 * MIN_LATENCY_S * STEP ** float(at)
