"""Rows that Milvus returned, in arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from search.types import Ids, Modality, Vectors, ViewBatch
from search.vectors.fp16 import Float16Array
from search.vectors.milvus.naming import PRODUCT_ID, VECTOR, VIEW_ID
from search.vectors.row_filter import Mask

FIELDS = [VIEW_ID, PRODUCT_ID, VECTOR]


@dataclass(frozen=True, slots=True, eq=False)
class ResultRows:
    """Views with their vectors; a `RowSource`. Shapes: ids (n,), `stored` (n, dim)."""

    view_ids: Ids
    product_ids: Ids
    stored: Vectors

    @classmethod
    def from_entities(cls, entities: Sequence[Mapping[str, Any]], dim: int) -> ResultRows:
        vectors = np.array([entity[VECTOR] for entity in entities], np.float32)
        return cls(
            np.array([entity[VIEW_ID] for entity in entities], np.int64),
            np.array([entity[PRODUCT_ID] for entity in entities], np.int64),
            vectors.reshape(len(entities), dim),
        )

    def __len__(self) -> int:
        return len(self.view_ids)

    @property
    def row_numbers(self) -> Ids:
        return np.arange(len(self), dtype=np.int64)

    def fp16_vectors(self, rows: Ids | slice) -> Float16Array:
        """Return the fp16 vectors of these rows, with one more axis than `rows`."""
        return self.stored[rows].astype(np.float16)

    def vectors(self, rows: Ids | slice) -> Vectors:
        """Return the float32 vectors of these rows, shape (n, dim)."""
        return self.stored[rows]

    def select(self, mask: Mask) -> ResultRows:
        """Return the rows that the mask marks."""
        if mask.all():
            return self
        return ResultRows(self.view_ids[mask], self.product_ids[mask], self.stored[mask])

    def to_batch(self, modality: Modality) -> ViewBatch:
        return ViewBatch(modality, self.view_ids, self.product_ids, self.stored)
