"""FAISS over fp16 rows that are not copied: arrays in memory or mapped files."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

Float16Array = npt.NDArray[np.float16]


def make_flat_index(rows: Float16Array) -> faiss.IndexScalarQuantizer:
    """Return a flat inner-product index whose codes are `rows`, (n, dim), contiguous.

    Row numbers are the ids. Nothing is copied and nothing may be added. The caller keeps `rows`
    alive and unchanged while the index is used.
    """
    index = faiss.IndexScalarQuantizer(
        rows.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    if len(rows):
        octets = faiss.swig_ptr(rows.reshape(-1).view(np.uint8))
        codes: Any = index.codes  # FAISS's type stubs lack this class
        index.codes = type(codes).create_view(octets, rows.nbytes, codes.owner)
    index.ntotal = len(rows)
    return index
