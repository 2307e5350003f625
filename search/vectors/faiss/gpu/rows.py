"""Rows of a segment kept on a GPU and scanned whole: exact whatever the filter, and nothing to
train or to tune.

Scores are summed in float32, as FAISS sums them elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from search.config import GpuIndexType
from search.types import Ids, Modality, Vectors
from search.vectors.faiss.brute_force import scanned
from search.vectors.row_filter import RowSet
from search.vectors.scoring import SPARE, Block, Scores
from search.vectors.store import RowStore

CHUNK_BYTES = 1 << 28
"""Most memory of the GPU that float32 copies of rows and their scores take at a time."""

LISTED_SHARE = 0.25
"""Below this share of eligible rows they are copied together; above it the others are passed
over and struck out."""

QUERIES_AT_ONCE = 256


class RowsOnGpu:
    """fp16 rows (n, dim) on a device of torch; fulfils `OnGpu`, and answers everything."""

    shape: GpuIndexType = "exact"
    recall = 1.0

    def __init__(self, store: RowStore, device: str) -> None:
        """Copy the rows to `device`: `cuda`, or `cpu`, which gives the same answers more slowly."""
        self._store = store
        self._rows = torch.tensor(store.halves(slice(None)), device=device)

    def search(
        self, queries: Vectors, k: int, rows: RowSet, asked: Modality | None
    ) -> Block | None:
        """See `OnGpu`."""
        return scanned(
            self._store, GpuScan(self._rows, rows), queries, k, min(k + SPARE, rows.count)
        )


@dataclass(frozen=True, slots=True)
class GpuScan:
    """The rows of a set, scanned on the GPU; fulfils `Scan`."""

    all_rows: torch.Tensor
    eligible: RowSet

    @property
    def count(self) -> int:
        return self.eligible.count

    @torch.inference_mode()
    def search(self, queries: Vectors, k: int) -> tuple[Scores, Ids]:
        """Descending float32 scores and row numbers of the k ≤ count best, shape (q, k) each."""
        parts = [
            self._answer(queries[at : at + QUERIES_AT_ONCE], k)
            for at in range(0, len(queries), QUERIES_AT_ONCE)
        ]
        return np.concatenate([scores for scores, _ in parts]), np.concatenate(
            [rows for _, rows in parts]
        )

    def _answer(self, queries: Vectors, k: int) -> tuple[Scores, Ids]:
        asked = torch.tensor(queries, device=self.all_rows.device)
        best = torch.empty((len(queries), 0), device=asked.device)
        places = torch.empty((len(queries), 0), dtype=torch.int64, device=asked.device)
        for start, scores in self._scored(asked):
            top, at = scores.topk(min(k, scores.shape[1]), dim=1)
            best, places = torch.cat([best, top], 1), torch.cat([places, at + start], 1)
            if best.shape[1] > k:
                best, at = best.topk(k, dim=1)
                places = places.gather(1, at)
        found = places.cpu().numpy()
        return best.cpu().numpy(), self.eligible.numbers[found] if self._listed else found

    @property
    def _listed(self) -> bool:
        return self.count < LISTED_SHARE * len(self.all_rows)

    def _scored(self, asked: torch.Tensor) -> Iterator[tuple[int, torch.Tensor]]:
        """Where a chunk of rows starts and its scores (q, c), one after another; ineligible rows
        score -inf.
        """
        numbers = hidden = None
        if self._listed:
            numbers = torch.tensor(self.eligible.numbers, device=asked.device)
        elif not self.eligible.is_all:
            hidden = torch.tensor(~self.eligible.mask, device=asked.device)
        chunk = max(1, CHUNK_BYTES // (4 * sum(asked.shape)))
        for start in range(0, len(self.all_rows) if numbers is None else len(numbers), chunk):
            part = slice(start, start + chunk)
            rows = self.all_rows[part if numbers is None else numbers[part]].float()
            scores = asked @ rows.T
            yield start, scores if hidden is None else scores.masked_fill_(hidden[part], -torch.inf)
