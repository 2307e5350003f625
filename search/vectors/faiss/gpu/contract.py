"""What a segment knows of a GPU. Imports no torch, which takes seconds: not every reader has a
GPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from search.config import GpuIndexType
from search.types import Modality, Vectors
from search.vectors.row_filter import RowSet
from search.vectors.scoring import Block


@dataclass(frozen=True, slots=True)
class Gpu:
    """Where vectors are searched: `device` as torch calls it (`cuda`, `cuda:1`; `cpu` stands in
    for one, in tests), in the shape that is preferred, if that reaches the target recall
    there.
    """

    device: str
    shape: GpuIndexType = "auto"
    recall_target: float = 0.97


class OnGpu(Protocol):
    """A segment's views on a GPU. Safe to search from many threads."""

    @property
    def shape(self) -> GpuIndexType: ...

    @property
    def recall(self) -> float:
        """Recall@10 for queries of the modality that is answered worst, measured when the views
        were put there.
        """

    def search(
        self, queries: Vectors, k: int, rows: RowSet, asked: Modality | None
    ) -> Block | None:
        """For each query (q, dim) the k ≤ rows best rows, best first, with row -1 at places that
        nothing was found for. None where this shape has no answer: more rows than it can give,
        or a filter that leaves too few.
        """
