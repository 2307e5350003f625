"""Rows that Milvus returned, in arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from search.types import Ids, Modality, Vectors, ViewBatch
from search.vectors.fp16 import Half
from search.vectors.milvus.naming import PRODUCT_ID, VECTOR, VIEW_ID
from search.vectors.row_filter import Mask

FIELDS = [VIEW_ID, PRODUCT_ID, VECTOR]


@dataclass(frozen=True, slots=True, eq=False)
class FetchedRows:
    """Views with their vectors, as `search.vectors.scoring.Rows` wants them. Shapes: ids (n,),
    `stored` (n, dim).
    """

    view_ids: Ids
    product_ids: Ids
    stored: Vectors

    @classmethod
    def of(cls, entities: Sequence[Mapping[str, Any]], dim: int) -> FetchedRows:
        return cls(
            np.array([entity[VIEW_ID] for entity in entities], np.int64),
            np.array([entity[PRODUCT_ID] for entity in entities], np.int64),
            np.array([entity[VECTOR] for entity in entities], np.float32).reshape(
                len(entities), dim
            ),
        )

    @classmethod
    def joined(cls, parts: Iterable[FetchedRows], dim: int) -> FetchedRows:
        found = [cls.of([], dim), *parts]
        return cls(
            np.concatenate([part.view_ids for part in found]),
            np.concatenate([part.product_ids for part in found]),
            np.concatenate([part.stored for part in found]),
        )

    def __len__(self) -> int:
        return len(self.view_ids)

    @property
    def numbers(self) -> Ids:
        return np.arange(len(self), dtype=np.int64)

    def halves(self, rows: Ids | slice) -> Half:
        """The fp16 vectors of these rows, one more axis than `rows` has."""
        return self.stored[rows].astype(np.float16)

    def vectors(self, rows: Ids | slice) -> Vectors:
        """Float32 vectors of these rows, shape (n, dim)."""
        return self.stored[rows]

    def kept(self, mask: Mask) -> FetchedRows:
        return (
            self
            if mask.all()
            else FetchedRows(self.view_ids[mask], self.product_ids[mask], self.stored[mask])
        )

    def batch(self, modality: Modality) -> ViewBatch:
        return ViewBatch(modality, self.view_ids, self.product_ids, self.stored)
