"""What a segment knows of a GPU. Imports no torch, which takes seconds: few readers have a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from search.config import GpuIndexType
from search.types import Modality, Vectors
from search.vectors.row_filter import RowFilter
from search.vectors.scoring import ScoredRows


@dataclass(frozen=True, slots=True)
class GpuSettings:
    """Where and how vectors are searched.

    `device` is torch's name (`cuda`, `cuda:1`; `cpu` replaces a GPU in tests). `index_type` is the
    preferred one, used if it reaches `recall_target`.
    """

    device: str
    index_type: GpuIndexType = "auto"
    recall_target: float = 0.97


class GpuIndex(Protocol):
    """A segment's views on a GPU. Safe to search from many threads."""

    @property
    def index_type(self) -> GpuIndexType: ...

    @property
    def recall(self) -> float:
        """Recall@10 for queries of the modality with the lowest recall, measured on this GPU."""

    def search(
        self, queries: Vectors, k: int, eligible: RowFilter, query_modality: Modality | None
    ) -> ScoredRows | None:
        """Return for each query (q, dim) the k ≤ eligible best rows, best first.

        Places for which nothing was found have row -1. Returns None where this index has no answer:
        more rows than it can return, or a filter that leaves too few.
        """
