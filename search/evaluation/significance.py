"""How far chance moves a mean over queries: bootstrap intervals, also of the difference between
two systems.

The queries of a set are a sample of those that could have been asked. Drawing from them again
and again, with replacement, shows how much the mean owes to that choice: the percentile interval
of Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), chapter 13. Two systems that
answered the same queries are compared through the differences query by query, which cancels how
hard each query is: Smucker, Allan and Carterette 2007, https://doi.org/10.1145/1321440.1321528.
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
DRAWN_AT_ONCE = 2_000_000
"""Values held in memory while resampling."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95 % interval. The bounds are nan where one query alone leaves no idea of
    the spread.
    """

    value: float
    low: float
    high: float

    @property
    def noise(self) -> bool:
        """Of a difference: may it be nothing at all?"""
        return not (self.low > 0 or self.high < 0)


def estimate(*samples: Sequence[float]) -> Estimate:
    """The mean of the samples' means; each sample (a query set) is resampled on its own.

    Seeded: the same samples give the same interval. Raises InputError for an empty sample.
    """
    if not samples or not all(samples):
        raise InputError("there are no queries to estimate a mean from")
    arrays = [np.asarray(sample, np.float64) for sample in samples]
    value = float(np.mean([array.mean() for array in arrays]))
    if min(map(len, arrays)) == 1:
        return Estimate(value, nan, nan)
    found = stats.bootstrap(
        arrays,
        _mean_of_means,
        n_resamples=RESAMPLES,
        batch=max(1, DRAWN_AT_ONCE // max(map(len, arrays))),
        vectorized=True,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return Estimate(value, float(found.low), float(found.high))


def _mean_of_means(*samples: Values, axis: int = -1) -> Any:
    return np.mean([sample.mean(axis=axis) for sample in samples], axis=0)


def differences(now: Mapping[str, float], former: Mapping[str, float]) -> list[float]:
    """Now − former, query by query. Raises InputError unless both answered the same queries."""
    if now.keys() != former.keys():
        other = sorted(now.keys() ^ former.keys())
        raise InputError(
            f"{len(other)} queries were answered on one side only, so the two cannot be compared",
            value=other[0],
            fix="Evaluate both on the same folder.",
        )
    return [now[identity] - former[identity] for identity in now]
