"""The row-indexed files every segment has: ids, fp16 vectors and the background sample.

Rows are sorted by product.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from search.errors import CorruptGeneration
from search.types import Ids, Modality, Vectors
from search.vectors.fp16 import Float16Array, make_flat_index

BACKGROUND_SIZE = 256
"""Vectors in a background sample: the mean of so many scores is accurate to a sixteenth of their
standard deviation."""

VIEW_IDS, PRODUCT_IDS, VECTORS, BACKGROUND, INDEX, CALIBRATION = (
    "view_ids.npy",
    "product_ids.npy",
    "vectors.f16.npy",
    "background.npy",
    "index.faiss",
    "questions.npy",
)
STORE_PARTS = (VIEW_IDS, PRODUCT_IDS, VECTORS, BACKGROUND)
"""The files of every segment."""

INDEX_PARTS = (INDEX, CALIBRATION)
"""Further files of a segment with inverted lists: the lists, and its calibration queries."""

BLOCK_ROWS = 1 << 15


def segment_file(folder: Path, modality: Modality, part: str) -> Path:
    """Return the path of a segment's file in its generation's folder."""
    return folder / f"{modality.value}_{part}"


def sample_rows(view_ids: Ids, size: int = BACKGROUND_SIZE) -> Ids:
    """Return the rows of a fixed sample, ascending: those with the smallest hashed view ids.

    The choice depends on the ids alone, so it hardly moves while a catalogue grows. The hash is the
    finaliser of SplitMix64 (Steele, Lea, Flood 2014).
    """
    mixed = view_ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    chosen: Ids = np.sort(np.lexsort((view_ids, mixed))[:size]).astype(np.int64)
    return chosen


class RowStore:
    """Memory-mapped rows of one segment.

    Shapes: ids (n,), vectors (n, dim) fp16, background (b,) row numbers. `flat` is a FAISS index
    over the same mapped vectors.
    """

    def __init__(self, folder: Path, modality: Modality, views: int, dim: int) -> None:
        """Map the files. Raises CorruptGeneration where one has another shape or type."""
        self.view_ids: Ids = _map_array(
            segment_file(folder, modality, VIEW_IDS), (views,), np.int64
        )
        self.product_ids: Ids = _map_array(
            segment_file(folder, modality, PRODUCT_IDS), (views,), np.int64
        )
        self._vectors: Float16Array = _map_array(
            segment_file(folder, modality, VECTORS), (views, dim), np.float16
        )
        self.dim = dim
        self.flat = make_flat_index(self._vectors)
        background = min(views, BACKGROUND_SIZE)
        self.background_rows: Ids = _map_array(
            segment_file(folder, modality, BACKGROUND), (background,), np.int64
        )

    def __len__(self) -> int:
        return len(self.view_ids)

    def fp16_vectors(self, rows: Ids | slice) -> Float16Array:
        """Return the stored vectors of these rows, with one more axis than `rows`."""
        return self._vectors[rows]

    def vectors(self, rows: Ids | slice) -> Vectors:
        """Return the float32 vectors of these rows, shape (n, dim)."""
        return self._vectors[rows].astype(np.float32)

    def read_blocks(self) -> Iterator[Vectors]:
        """Yield all vectors in order, BLOCK_ROWS at a time."""
        for start in range(0, len(self), BLOCK_ROWS):
            yield self.vectors(slice(start, start + BLOCK_ROWS))

    def find_rows(self, product_ids: Ids) -> Ids:
        """Return the rows, ascending, of the views of these strictly ascending products."""
        first = np.searchsorted(self.product_ids, product_ids, side="left")
        lengths = np.searchsorted(self.product_ids, product_ids, side="right") - first
        # Each product's rows are one run: shift a running count so that it restarts at every run's
        # first row.
        starts = np.repeat(first - (np.cumsum(lengths) - lengths), lengths)
        rows: Ids = starts + np.arange(lengths.sum())
        return rows


def _map_array(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> npt.NDArray[Any]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CorruptGeneration(f"{path} cannot be opened: {error}") from error
    if array.shape != shape or array.dtype != dtype:
        raise CorruptGeneration(
            f"{path} should hold {shape} {np.dtype(dtype)}", value=(array.shape, str(array.dtype))
        )
    return np.asarray(array)
