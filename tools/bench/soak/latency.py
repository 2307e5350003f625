"""Latencies of any number of searches in constant memory."""

from __future__ import annotations

import math

import numpy as np

SHORTEST_S = 1e-5
STEP = 1.02
"""Bounds of neighbouring buckets: a percentile is at most so much too high."""

BUCKETS = 900
"""Up to nine minutes."""


class Latencies:
    """Counts by size. One thread writes; others may read."""

    def __init__(self) -> None:
        self._counts = np.zeros(BUCKETS, np.int64)

    def add(self, seconds: float) -> None:
        bucket = math.ceil(math.log(max(seconds, SHORTEST_S) / SHORTEST_S, STEP))
        self._counts[min(bucket, BUCKETS - 1)] += 1

    def join(self, other: Latencies) -> None:
        self._counts += other._counts

    @property
    def count(self) -> int:
        return int(self._counts.sum())

    def percentile_ms(self, percent: float) -> float:
        """Milliseconds that this share of the searches did not exceed; 0 when there are none."""
        if not self.count:
            return 0.0
        at = np.searchsorted(np.cumsum(self._counts), percent / 100 * self.count)
        return 1000 * SHORTEST_S * STEP ** float(at)
