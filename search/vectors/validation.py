"""Refuse bad input before it reaches FAISS, which crashes or returns nonsense."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from search.errors import InvalidVectors, QueryError
from search.types import Ids, Modality, ProductViews, Vectors, ViewBatch

UNIT_TOLERANCE = 1e-2
"""How far a norm may be from 1: vectors stored as fp16 are off by up to 5e-4 per component."""

MIN_SQUARED_NORM, MAX_SQUARED_NORM = (1 - UNIT_TOLERANCE) ** 2, (1 + UNIT_TOLERANCE) ** 2


def check_vectors(vectors: npt.NDArray[np.generic], dim: int) -> Vectors:
    """Return vectors (n, dim) or (dim,) as contiguous float32 (n, dim).

    Raises InvalidVectors (shape, type, NaN, zero, not a unit vector).
    """
    rows = np.asarray(vectors)
    rows = rows[np.newaxis] if rows.ndim == 1 else rows
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise InvalidVectors(f"vectors must have shape (n, {dim})", value=np.shape(vectors))
    if rows.dtype.kind != "f":
        raise InvalidVectors("vectors must be floating point", value=str(rows.dtype))
    checked: Vectors = np.ascontiguousarray(rows, dtype=np.float32)
    if (
        len(checked) == 1
        and MIN_SQUARED_NORM <= float(np.dot(checked[0], checked[0])) <= MAX_SQUARED_NORM
    ):
        return checked
    squares = np.einsum("ij,ij->i", checked, checked)
    is_unit = (squares >= MIN_SQUARED_NORM) & (squares <= MAX_SQUARED_NORM)
    if not is_unit.all():
        row = int(np.argmin(is_unit))
        norm = float(np.sqrt(squares[row]))
        raise InvalidVectors(
            f"row {row} is not a unit vector",
            value=norm,
            fix="Normalise the vectors; drop NaN and zero vectors.",
        )
    return checked


def check_queries(queries: Mapping[Modality, Vectors] | None, dim: int) -> dict[Modality, Vectors]:
    """Return checked query vectors by modality, without those that are empty.

    Raises InvalidVectors.
    """
    return {
        modality: check_vectors(vectors, dim)
        for modality, vectors in (queries or {}).items()
        if len(vectors)
    }


def check_ids(ids: npt.NDArray[np.generic], rows: int, name: str) -> Ids:
    """Return the ids of `rows` rows as int64. Raises InvalidVectors (shape, type, sign)."""
    array = np.asarray(ids)
    if array.shape != (rows,):
        raise InvalidVectors(f"{name} must have shape ({rows},)", value=array.shape)
    if rows and array.dtype.kind not in "iu":
        raise InvalidVectors(f"{name} must be integers", value=str(array.dtype))
    if rows and int(array.min()) < 0:
        raise InvalidVectors(f"{name} must not be negative", value=int(array.min()))
    return np.ascontiguousarray(array, dtype=np.int64)


def check_batch(batch: ViewBatch, dim: int) -> ViewBatch:
    """Return the batch with checked, contiguous arrays. Raises InvalidVectors."""
    rows = len(batch.view_ids)
    if len(batch.vectors) != rows:
        raise InvalidVectors(f"{rows} views need as many vectors", value=np.shape(batch.vectors))
    vectors = check_vectors(batch.vectors, dim) if rows else np.empty((0, dim), np.float32)
    view_ids = check_ids(batch.view_ids, rows, "view_ids")
    return ViewBatch(
        batch.modality, view_ids, check_ids(batch.product_ids, rows, "product_ids"), vectors
    )


def check_change(change: ProductViews, dim: int) -> ProductViews:
    """Return the change with checked batches that all belong to its product.

    Raises InvalidVectors, and QueryError for a seq below 1.
    """
    check_positive(change.seq, "seq of a change")
    batches = tuple(check_batch(batch, dim) for batch in change.batches)
    for batch in batches:
        if np.any(batch.product_ids != change.product_id):
            raise InvalidVectors(f"a view given for product {change.product_id} belongs to another")
    return ProductViews(int(change.product_id), int(change.seq), batches)


def check_positive(value: int, name: str) -> int:
    """Return `value` if it is an integer above zero. Raises QueryError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value <= 0:
        raise QueryError(f"{name} must be an integer above zero", value=value)
    return int(value)


def check_filter(allowed: npt.NDArray[np.generic]) -> Ids:
    """Return the product ids of a filter, (n,), as int64.

    Raises QueryError unless they are integers, strictly ascending.
    """
    ids = np.asarray(allowed)
    if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
        raise QueryError(
            "allowed products must be one row of integers", value=(ids.shape, str(ids.dtype))
        )
    ascending: Ids = np.ascontiguousarray(ids, dtype=np.int64)
    if np.any(ascending[1:] <= ascending[:-1]):
        raise QueryError(
            "allowed products must be strictly ascending", fix="Apply numpy.unique to them."
        )
    return ascending
