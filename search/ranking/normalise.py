"""Scores of different modalities made comparable.

Cosines between a text query and texts lie far above those between a text query and pictures,
although all vectors share one space: the modality gap (Liang et al. 2022, "Mind the Gap",
https://arxiv.org/abs/2203.02053). A score is therefore expressed in standard deviations above
what this very query scores on a fixed background sample of the same modality.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search.types import Vectors

LEAST_SPREAD = 0.02
"""A handful of near-identical views has no spread to speak of; a smaller divisor would only blow
up noise."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and standard deviation of one query's scores on one modality's background."""

    mean: float
    spread: float

    @classmethod
    def of(cls, query: Vectors, background: Vectors) -> Scale:
        """`query` (dim,), `background` (b, dim); with no background the scale leaves the score
        as it is.
        """
        if not len(background):
            return cls(0.0, 1.0)
        scores = background @ query
        return cls(float(scores.mean()), max(float(scores.std()), LEAST_SPREAD))

    def apply(self, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Cosines (n,) → standard deviations above the background's mean (n,)."""
        return ((scores - self.mean) / self.spread).astype(np.float32)
