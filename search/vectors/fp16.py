"""FAISS over rows of fp16 that stay where they are, in memory or in a mapped file."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

Half = npt.NDArray[np.float16]


def half_index(rows: Half) -> faiss.IndexScalarQuantizer:
    """A flat inner-product index whose codes are `rows`, shape (n, dim), contiguous; row numbers
    are its ids.

    Nothing is copied and nothing may be added. The caller keeps `rows` alive and unchanged while
    the index is used.
    """
    index = faiss.IndexScalarQuantizer(
        rows.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    if len(rows):
        octets = faiss.swig_ptr(rows.reshape(-1).view(np.uint8))
        codes: Any = index.codes  # FAISS's type stubs leave this class out
        index.codes = type(codes).create_view(octets, rows.nbytes, codes.owner)
    index.ntotal = len(rows)
    return index
