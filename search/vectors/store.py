"""The row-indexed files every segment has: ids, fp16 vectors and the background sample. Rows are
sorted by product.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from search.errors import CorruptGeneration
from search.types import Ids, Modality, Vectors
from search.vectors.fp16 import Half, half_index

BACKGROUND_SIZE = 256
"""Vectors in a background sample: the mean of so many scores is known to a sixteenth of their
standard deviation."""

VIEW_IDS, PRODUCT_IDS, VECTORS, BACKGROUND, INDEX, QUESTIONS = (
    "view_ids.npy",
    "product_ids.npy",
    "vectors.f16.npy",
    "background.npy",
    "index.faiss",
    "questions.npy",
)
ROW_PARTS = (VIEW_IDS, PRODUCT_IDS, VECTORS, BACKGROUND)
"""The files of every segment."""

LIST_PARTS = (INDEX, QUESTIONS)
"""What one that is not searched exactly has too: its lists, and the questions that they were
judged by."""

BLOCK_ROWS = 1 << 15


def segment_file(folder: Path, modality: Modality, part: str) -> Path:
    """A segment's file inside its generation's folder."""
    return folder / f"{modality.value}_{part}"


def sample_rows(view_ids: Ids, size: int = BACKGROUND_SIZE) -> Ids:
    """Rows of a fixed sample, ascending: those whose mixed view id is smallest.

    The choice depends on the ids alone, so it hardly moves while a catalogue grows. The mixer is
    the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
    """
    mixed = view_ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    chosen: Ids = np.sort(np.lexsort((view_ids, mixed))[:size]).astype(np.int64)
    return chosen


class RowStore:
    """Memory-mapped rows of one segment. Shapes: ids (n,), vectors (n, dim) fp16, background
    (b,) row numbers.

    `flat` is FAISS over the same mapped vectors.
    """

    def __init__(self, folder: Path, modality: Modality, views: int, dim: int) -> None:
        self.view_ids: Ids = _mapped(segment_file(folder, modality, VIEW_IDS), (views,), np.int64)
        self.product_ids: Ids = _mapped(
            segment_file(folder, modality, PRODUCT_IDS), (views,), np.int64
        )
        self._half: Half = _mapped(
            segment_file(folder, modality, VECTORS), (views, dim), np.float16
        )
        self.dim = dim
        self.flat = half_index(self._half)
        background = min(views, BACKGROUND_SIZE)
        self.background_rows: Ids = _mapped(
            segment_file(folder, modality, BACKGROUND), (background,), np.int64
        )

    def __len__(self) -> int:
        return len(self.view_ids)

    def halves(self, rows: Ids | slice) -> Half:
        """The stored vectors of these rows, one more axis than `rows` has."""
        return self._half[rows]

    def vectors(self, rows: Ids | slice) -> Vectors:
        """Float32 vectors of these rows, shape (n, dim)."""
        return self._half[rows].astype(np.float32)

    def blocks(self) -> Iterator[Vectors]:
        """All vectors in order, as many at a time as memory does not notice."""
        for start in range(0, len(self), BLOCK_ROWS):
            yield self.vectors(slice(start, start + BLOCK_ROWS))

    def rows_of(self, product_ids: Ids) -> Ids:
        """Row numbers, ascending, of the views of these strictly ascending products."""
        first = np.searchsorted(self.product_ids, product_ids, side="left")
        lengths = np.searchsorted(self.product_ids, product_ids, side="right") - first
        # Each product's rows are one run: shift a running count so that it restarts at every run's
        # first row.
        starts = np.repeat(first - (np.cumsum(lengths) - lengths), lengths)
        rows: Ids = starts + np.arange(lengths.sum())
        return rows


def _mapped(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> npt.NDArray[Any]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise CorruptGeneration(f"{path} cannot be opened: {error}") from error
    if array.shape != shape or array.dtype != dtype:
        raise CorruptGeneration(
            f"{path} should hold {shape} {np.dtype(dtype)}", value=(array.shape, str(array.dtype))
        )
    return np.asarray(array)
