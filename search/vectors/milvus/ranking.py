"""Exact scores of fetched rows in order, one query at a time; see search/vectors/scoring.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.types import Candidates, Modality, Vectors
from search.vectors.milvus.result_rows import FetchedRows
from search.vectors.scoring import Scored, exact_line


def nothing(modality: Modality) -> Candidates:
    return Candidates(
        modality, np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)
    )


def ranked(
    rows: FetchedRows, query: Vectors, modality: Modality, k: int | None = None
) -> Candidates:
    """The rows by their exact scores for one query (dim,), best first."""
    return Scored.of(rows, exact_line(rows, query, rows.numbers)).best_first(modality, k)[0]


def merged(parts: Sequence[Candidates], modality: Modality, k: int | None = None) -> Candidates:
    """Views found in several places for the same query, best first."""
    if not parts:
        return nothing(modality)
    lines = [
        Scored(part.scores[np.newaxis], part.view_ids[np.newaxis], part.product_ids[np.newaxis])
        for part in parts
    ]
    return Scored.beside(lines).best_first(modality, k)[0]
