"""Stream views to disk as they arrive, then write them sorted by product.

Memory holds ids but no vectors.
"""

from __future__ import annotations

import io
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from search.files import open_durable
from search.types import Ids, Modality, ViewBatch
from search.vectors.store import (
    BACKGROUND,
    PRODUCT_IDS,
    VECTORS,
    VIEW_IDS,
    sample_rows,
    segment_file,
)

COPY_ROWS = 1 << 14


class StagedSegment:
    """Rows of one modality, in the order of the stream."""

    def __init__(self, folder: Path, modality: Modality, dim: int) -> None:
        self.modality = modality
        self._folder = folder
        self._dim = dim
        self._path = folder / f"{modality.value}.staged"
        self._file = self._path.open("wb")
        self._view_ids: list[Ids] = []
        self._product_ids: list[Ids] = []

    def __enter__(self) -> StagedSegment:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def append(self, batch: ViewBatch) -> None:
        """Add checked rows. Raises OSError when the disk is full."""
        self._file.write(batch.vectors.astype(np.float16).tobytes())
        self._view_ids.append(batch.view_ids)
        self._product_ids.append(batch.product_ids)

    def write_store(self) -> tuple[int, int]:
        """Write the row store's files, sorted by product and view.

        Returns the numbers of views and products.
        """
        self._file.flush()
        view_ids, product_ids = np.concatenate(self._view_ids), np.concatenate(self._product_ids)
        order = np.lexsort((view_ids, product_ids))
        view_ids, product_ids = view_ids[order], product_ids[order]
        self._write(VIEW_IDS, view_ids)
        self._write(PRODUCT_IDS, product_ids)
        self._write(BACKGROUND, sample_rows(view_ids))
        self._write_vectors(order)
        return len(view_ids), int(np.count_nonzero(np.diff(product_ids))) + 1

    def _write(self, part: str, array: Ids) -> None:
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        with open_durable(segment_file(self._folder, self.modality, part)) as file:
            file.write(buffer.getbuffer())

    def _write_vectors(self, order: npt.NDArray[np.intp]) -> None:
        # Written through a file: with a memory map, a full disk is a fatal signal, not an error.
        staged = np.memmap(self._path, np.float16, "r", shape=(len(order), self._dim))
        header = {"descr": "<f2", "fortran_order": False, "shape": staged.shape}
        with open_durable(segment_file(self._folder, self.modality, VECTORS)) as file:
            np.lib.format.write_array_header_1_0(file, header)
            for start in range(0, len(order), COPY_ROWS):
                file.write(staged[order[start : start + COPY_ROWS]].tobytes())
