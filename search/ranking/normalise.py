"""Normalisation of scores (z-scores), so that those of different modalities can be compared.

Cosines between a text query and texts lie far above those between a text query and pictures,
although all vectors share one space: the modality gap (Liang et al. 2022, "Mind the Gap",
https://arxiv.org/abs/2203.02053). A score is therefore expressed in standard deviations above
the mean score of the same query on a fixed background sample of the same modality.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search.types import Vectors

MIN_STD = 0.02
"""A few near-identical background views have almost no deviation; dividing by less would only
amplify noise."""


@dataclass(frozen=True, slots=True)
class ScoreNormaliser:
    """Mean and standard deviation of one query's scores on one modality's background."""

    mean: float
    std: float

    @classmethod
    def fit(cls, query: Vectors, background: Vectors) -> ScoreNormaliser:
        """Fit to the scores of `query` (dim,) on `background` (b, dim).

        Without a background, scores are left as they are.
        """
        if not len(background):
            return cls(0.0, 1.0)
        scores = background @ query
        return cls(float(scores.mean()), max(float(scores.std()), MIN_STD))

    def normalise(self, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return cosines (n,) as standard deviations above the background's mean (n,)."""
        return ((scores - self.mean) / self.std).astype(np.float32)
