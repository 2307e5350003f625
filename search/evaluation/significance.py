"""Bootstrap intervals of a mean over queries, and of the difference between two systems.

The queries of a set are a sample of all possible queries. Resampling them with replacement shows
how much the mean depends on that sample: the percentile interval of Efron and Tibshirani, *An
Introduction to the Bootstrap* (1993), chapter 13. Two systems that answered the same queries are
compared by the differences per query, which removes the difficulty of each query: Smucker, Allan
and Carterette 2007, https://doi.org/10.1145/1321440.1321528.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from search.errors import InputError

LEVEL = 0.95
RESAMPLES = 10_000
SEED = 1993
MAX_VALUES_IN_MEMORY = 2_000_000
"""Resampled values that are held in memory at once."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95 % interval; the bounds are nan for a single query."""

    value: float
    low: float
    high: float

    @property
    def is_noise(self) -> bool:
        """Whether the interval of a difference includes zero, so that chance may explain it."""
        return not (self.low > 0 or self.high < 0)


def estimate_mean(*samples: Sequence[float]) -> Estimate:
    """Return the mean of the samples' means with its interval.

    Each sample (a query set) is resampled on its own. The seed is fixed, so the same samples
    give the same interval. Raises InputError for an empty sample.
    """
    if not samples or not all(samples):
        raise InputError("there are no queries to estimate a mean from")
    arrays = [np.asarray(sample, np.float64) for sample in samples]
    value = float(np.mean([array.mean() for array in arrays]))
    if min(map(len, arrays)) == 1:
        return Estimate(value, nan, nan)
    interval = stats.bootstrap(
        arrays,
        _mean_of_means,
        n_resamples=RESAMPLES,
        batch=max(1, MAX_VALUES_IN_MEMORY // max(map(len, arrays))),
        vectorized=True,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return Estimate(value, float(interval.low), float(interval.high))


def _mean_of_means(*samples: Values, axis: int = -1) -> Any:
    return np.mean([sample.mean(axis=axis) for sample in samples], axis=0)


def paired_differences(now: Mapping[str, float], before: Mapping[str, float]) -> list[float]:
    """Return now − before for each query.

    Raises InputError unless both sides hold the same queries.
    """
    if now.keys() != before.keys():
        unpaired = sorted(now.keys() ^ before.keys())
        raise InputError(
            f"cannot compare: {len(unpaired)} queries have a result on one side only",
            value=unpaired[0],
            fix="Evaluate both on the same folder.",
        )
    return [now[query_id] - before[query_id] for query_id in now]
