"""Refuse bad input before it reaches FAISS, which answers it with a crash or with nonsense."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from search.errors import InvalidVectors, QueryError
from search.types import Ids, ProductViews, Vectors, ViewBatch

UNIT_TOLERANCE = 1e-2
"""How far a norm may be from 1: vectors kept as fp16 in a database are off by up to 5e-4 a
component."""

LEAST_SQUARE, MOST_SQUARE = (1 - UNIT_TOLERANCE) ** 2, (1 + UNIT_TOLERANCE) ** 2


def check_vectors(vectors: npt.NDArray[np.generic], dim: int) -> Vectors:
    """(n, dim) or (dim,) → (n, dim) contiguous float32. Raises InvalidVectors (shape, type, NaN,
    zero, not a unit).
    """
    rows = np.asarray(vectors)
    rows = rows[np.newaxis] if rows.ndim == 1 else rows
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise InvalidVectors(f"vectors must have shape (n, {dim})", value=np.shape(vectors))
    if rows.dtype.kind != "f":
        raise InvalidVectors("vectors must be floating point", value=str(rows.dtype))
    checked: Vectors = np.ascontiguousarray(rows, dtype=np.float32)
    if len(checked) == 1 and LEAST_SQUARE <= float(np.dot(checked[0], checked[0])) <= MOST_SQUARE:
        return checked
    squares = np.einsum("ij,ij->i", checked, checked)
    right = (squares >= LEAST_SQUARE) & (squares <= MOST_SQUARE)
    if not right.all():
        row = int(np.argmin(right))
        norm = float(np.sqrt(squares[row]))
        raise InvalidVectors(
            f"row {row} is not a unit vector",
            value=norm,
            fix="Normalise, and drop NaN and zero vectors.",
        )
    return checked


def check_ids(ids: npt.NDArray[np.generic], rows: int, name: str) -> Ids:
    """Ids of `rows` rows as int64. Raises InvalidVectors where the shape, the type or a sign is
    wrong.
    """
    array = np.asarray(ids)
    if array.shape != (rows,):
        raise InvalidVectors(f"{name} must have shape ({rows},)", value=array.shape)
    if rows and array.dtype.kind not in "iu":
        raise InvalidVectors(f"{name} must be integers", value=str(array.dtype))
    if rows and int(array.min()) < 0:
        raise InvalidVectors(f"{name} must not be negative", value=int(array.min()))
    return np.ascontiguousarray(array, dtype=np.int64)


def check_batch(batch: ViewBatch, dim: int) -> ViewBatch:
    """The batch with checked, contiguous arrays. Raises InvalidVectors."""
    rows = len(batch.view_ids)
    if len(batch.vectors) != rows:
        raise InvalidVectors(f"{rows} views need as many vectors", value=np.shape(batch.vectors))
    vectors = check_vectors(batch.vectors, dim) if rows else np.empty((0, dim), np.float32)
    view_ids = check_ids(batch.view_ids, rows, "view_ids")
    return ViewBatch(
        batch.modality, view_ids, check_ids(batch.product_ids, rows, "product_ids"), vectors
    )


def check_change(change: ProductViews, dim: int) -> ProductViews:
    """The change with checked batches that all belong to its product. Raises InvalidVectors;
    QueryError for its seq.
    """
    check_positive(change.seq, "seq of a change")
    batches = tuple(check_batch(batch, dim) for batch in change.batches)
    for batch in batches:
        if np.any(batch.product_ids != change.product_id):
            raise InvalidVectors(f"a view given for product {change.product_id} belongs to another")
    return ProductViews(int(change.product_id), int(change.seq), batches)


def check_positive(value: int, name: str) -> int:
    """Raises QueryError unless `value` is a whole number above zero."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value <= 0:
        raise QueryError(f"{name} must be a whole number above zero", value=value)
    return int(value)


def check_filter(allowed: npt.NDArray[np.generic]) -> Ids:
    """Product ids of a filter: one row, integers, strictly ascending. Raises QueryError."""
    ids = np.asarray(allowed)
    if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
        raise QueryError(
            "allowed products must be one row of integers", value=(ids.shape, str(ids.dtype))
        )
    ascending: Ids = np.ascontiguousarray(ids, dtype=np.int64)
    if np.any(ascending[1:] <= ascending[:-1]):
        raise QueryError(
            "allowed products must be strictly ascending", fix="Pass them through numpy.unique."
        )
    return ascending
