"""Which rows of a segment a search may return."""

from __future__ import annotations

import functools
from typing import Any, cast

import faiss
import numpy as np
import numpy.typing as npt

from search.types import Ids

Mask = npt.NDArray[np.bool_]

UNFILTERED_SHARE = 0.9
"""With a larger share of eligible rows, search parameters are those of an unfiltered search: only
hidden and changed products are missing."""

_faiss = cast(Any, faiss)  # the type stubs lack the keyword arguments of the Python wrappers


class RowFilter:
    """The eligible rows of a segment with `size` rows: all, those of a mask, or a list of rows.

    Immutable. FAISS's selectors and search parameters are made once and kept.
    """

    def __init__(self, size: int, *, mask: Mask | None = None, rows: Ids | None = None) -> None:
        """`mask` has shape (size,); `rows` are ascending row numbers. Give at most one of them."""
        self.size = size
        self._mask = mask
        self._rows = rows
        self._ivf_parameters: dict[tuple[int, float, bool], faiss.SearchParameters] = {}

    @functools.cached_property
    def count(self) -> int:
        """The number of eligible rows."""
        if self._rows is not None:
            return len(self._rows)
        return self.size if self._mask is None else int(np.count_nonzero(self._mask))

    @property
    def allows_all(self) -> bool:
        return self.count == self.size

    @functools.cached_property
    def row_numbers(self) -> Ids:
        """Eligible rows, ascending, shape (count,)."""
        if self._rows is not None:
            return self._rows
        return np.arange(self.size) if self._mask is None else np.flatnonzero(self._mask)

    def intersect(self, rows: Ids) -> RowFilter:
        """Return a filter of those `rows` (ascending) that are also eligible here."""
        return RowFilter(self.size, rows=rows if self._mask is None else rows[self._mask[rows]])

    def exclude(self, rows: Ids) -> RowFilter:
        """Return a filter without these rows."""
        if not rows.size:
            return self
        mask = np.ones(self.size, np.bool_) if self._mask is None else self._mask.copy()
        mask[rows] = False
        return RowFilter(self.size, mask=mask)

    @property
    def mask(self) -> Mask:
        """Whether each row is eligible, shape (size,)."""
        if self._mask is not None:
            return self._mask
        mask = np.zeros(self.size, np.bool_)
        mask[self.row_numbers] = True
        return mask

    @functools.cached_property
    def _bits(self) -> npt.NDArray[np.uint8]:
        return np.packbits(self.mask, bitorder="little")

    @functools.cached_property
    def _selector(self) -> faiss.IDSelector | None:
        if self.allows_all:
            return None
        return cast(faiss.IDSelector, _faiss.IDSelectorBitmap(self._bits))

    @functools.cached_property
    def flat_parameters(self) -> faiss.SearchParameters:
        """Parameters of a flat FAISS search among these rows.

        They are given per call: setting them on an index that threads share is a race.
        """
        return cast(faiss.SearchParameters, _faiss.SearchParameters(sel=self._selector))

    def ivf_parameters(
        self, nprobe: int, refine_factor: float, *, rotated: bool = False
    ) -> faiss.SearchParameters:
        """Return parameters of a search in `nprobe` inverted lists among these rows.

        `refine_factor` × k of the rows found are re-scored. `rotated` says that the lists hold
        vectors transformed by a rotation (OPQ).
        """
        key = nprobe, refine_factor, rotated
        if key not in self._ivf_parameters:
            lists = _faiss.SearchParametersIVF(nprobe=nprobe, sel=self._selector)
            if rotated:
                lists = _faiss.SearchParametersPreTransform(index_params=lists)
            self._ivf_parameters[key] = _faiss.IndexRefineSearchParameters(
                k_factor=refine_factor, base_index_params=lists
            )
        return self._ivf_parameters[key]
