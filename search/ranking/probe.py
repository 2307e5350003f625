"""What is asked of the index: one or several question vectors."""

from __future__ import annotations

from dataclasses import dataclass

from search.types import Modality, Vectors


@dataclass(frozen=True, slots=True)
class Probe:
    """A question vector, shape (dim,), the modality it was asked in, and its share in the
    product's score.
    """

    vector: Vectors
    modality: Modality
    weight: float = 1.0
