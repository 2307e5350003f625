"""Exact search of a segment's rows on a GPU: any filter, nothing to train or tune.

Scores are summed in float32, as in FAISS.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from search.config import GpuIndexType
from search.types import Ids, Modality, Vectors
from search.vectors.faiss.brute_force import search_exactly
from search.vectors.row_filter import RowFilter
from search.vectors.scoring import ScoredRows, Scores
from search.vectors.store import RowStore

MAX_CHUNK_BYTES = 1 << 28
"""Most GPU memory that float32 copies of rows and their scores take at a time."""

MAX_GATHERED_SHARE = 0.25
"""Below this share of eligible rows they are copied together; above it the others are masked."""

QUERY_BATCH_SIZE = 256


class GpuRows:
    """fp16 rows (n, dim) on a torch device; implements `GpuIndex` and answers every search."""

    index_type: GpuIndexType = "exact"
    recall = 1.0

    def __init__(self, store: RowStore, device: str) -> None:
        """Copy the rows to `device`: `cuda`, or `cpu`, which gives the same answers more slowly."""
        self._store = store
        self._rows = torch.tensor(store.fp16_vectors(slice(None)), device=device)

    def search(
        self, queries: Vectors, k: int, eligible: RowFilter, query_modality: Modality | None
    ) -> ScoredRows | None:
        """See `GpuIndex.search`."""
        return search_exactly(self._store, GpuExactSearch(self._rows, eligible), queries, k)


@dataclass(frozen=True, slots=True)
class GpuExactSearch:
    """Scores all eligible rows on the GPU; implements `ExactSearch`."""

    all_rows: torch.Tensor
    eligible: RowFilter

    @property
    def count(self) -> int:
        return self.eligible.count

    @torch.inference_mode()
    def search(self, queries: Vectors, k: int) -> tuple[Scores, Ids]:
        parts = [
            self._search_batch(queries[at : at + QUERY_BATCH_SIZE], k)
            for at in range(0, len(queries), QUERY_BATCH_SIZE)
        ]
        scores = np.concatenate([scores for scores, _ in parts])
        return scores, np.concatenate([rows for _, rows in parts])

    def _search_batch(self, queries: Vectors, k: int) -> tuple[Scores, Ids]:
        on_device = torch.tensor(queries, device=self.all_rows.device)
        best = torch.empty((len(queries), 0), device=on_device.device)
        rows = torch.empty((len(queries), 0), dtype=torch.int64, device=on_device.device)
        for start, scores in self._score_chunks(on_device):
            top, at = scores.topk(min(k, scores.shape[1]), dim=1)
            best, rows = torch.cat([best, top], 1), torch.cat([rows, at + start], 1)
            if best.shape[1] > k:
                best, at = best.topk(k, dim=1)
                rows = rows.gather(1, at)
        found = rows.cpu().numpy()
        return best.cpu().numpy(), self.eligible.row_numbers[found] if self._gathers else found

    @property
    def _gathers(self) -> bool:
        return self.count < MAX_GATHERED_SHARE * len(self.all_rows)

    def _score_chunks(self, queries: torch.Tensor) -> Iterator[tuple[int, torch.Tensor]]:
        """Yield the first row of each chunk and its scores (q, c); ineligible rows score -inf.

        Where eligible rows are gathered, rows count among these.
        """
        row_numbers = hidden = None
        if self._gathers:
            row_numbers = torch.tensor(self.eligible.row_numbers, device=queries.device)
        elif not self.eligible.allows_all:
            hidden = torch.tensor(~self.eligible.mask, device=queries.device)
        chunk = max(1, MAX_CHUNK_BYTES // (4 * sum(queries.shape)))
        count = len(self.all_rows) if row_numbers is None else len(row_numbers)
        for start in range(0, count, chunk):
            part = slice(start, start + chunk)
            rows = self.all_rows[part if row_numbers is None else row_numbers[part]].float()
            scores = queries @ rows.T
            yield start, scores if hidden is None else scores.masked_fill_(hidden[part], -torch.inf)
