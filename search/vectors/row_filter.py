"""Which rows of a segment a search may return."""

from __future__ import annotations

import functools

import faiss
import numpy as np
import numpy.typing as npt

from search.types import Ids

Mask = npt.NDArray[np.bool_]

UNFILTERED_SHARE = 0.9
"""Above this share of eligible rows a search looks as far as without a filter: hidden and
changed products."""


class RowSet:
    """Rows of a segment of `size` rows that are eligible: all of them, those of a mask, or those
    listed ascending.
    """

    def __init__(self, size: int, *, mask: Mask | None = None, listed: Ids | None = None) -> None:
        self.size = size
        self._mask = mask
        self._listed = listed
        self._made: dict[tuple[int, float, bool], faiss.SearchParameters] = {}

    @functools.cached_property
    def count(self) -> int:
        if self._listed is not None:
            return len(self._listed)
        return self.size if self._mask is None else int(np.count_nonzero(self._mask))

    @property
    def is_all(self) -> bool:
        return self.count == self.size

    @functools.cached_property
    def numbers(self) -> Ids:
        """Row numbers, ascending, shape (count,)."""
        if self._listed is not None:
            return self._listed
        return np.arange(self.size) if self._mask is None else np.flatnonzero(self._mask)

    def among(self, listed: Ids) -> RowSet:
        """The rows of `listed` (ascending) that are also in this set."""
        return RowSet(
            self.size, listed=listed if self._mask is None else listed[self._mask[listed]]
        )

    def without(self, listed: Ids) -> RowSet:
        """The rows of this set that are not in `listed`."""
        if not listed.size:
            return self
        mask = np.ones(self.size, np.bool_) if self._mask is None else self._mask.copy()
        mask[listed] = False
        return RowSet(self.size, mask=mask)

    @property
    def mask(self) -> Mask:
        """Whether each row is eligible, shape (size,)."""
        if self._mask is not None:
            return self._mask
        mask = np.zeros(self.size, np.bool_)
        mask[self.numbers] = True
        return mask

    @functools.cached_property
    def _bits(self) -> npt.NDArray[np.uint8]:
        return np.packbits(self.mask, bitorder="little")

    @functools.cached_property
    def _selector(self) -> faiss.IDSelector | None:
        # FAISS's type stubs know the C++ signatures only, not those of its Python wrappers.
        return None if self.is_all else faiss.IDSelectorBitmap(self._bits)  # type: ignore[call-arg, arg-type]

    @functools.cached_property
    def flat_parameters(self) -> faiss.SearchParameters:
        """Parameters of a flat FAISS search among these rows. Given per call: setting them on an
        index that threads share is a race.
        """
        return faiss.SearchParameters(sel=self._selector)  # type: ignore[call-arg]

    def refined_parameters(
        self, nprobe: int, factor: float, *, turned: bool = False
    ) -> faiss.SearchParameters:
        """Parameters of a search in `nprobe` inverted lists among these rows, `factor` × k of
        which are re-scored. `turned`: the lists hold vectors that a rotation before them has
        turned.
        """
        key = nprobe, factor, turned
        if key not in self._made:
            lists: faiss.SearchParameters = faiss.SearchParametersIVF(
                nprobe=nprobe, sel=self._selector
            )  # type: ignore[call-arg]
            if turned:
                lists = faiss.SearchParametersPreTransform(index_params=lists)  # type: ignore[call-arg]
            self._made[key] = faiss.IndexRefineSearchParameters(
                k_factor=factor, base_index_params=lists
            )  # type: ignore[call-arg]
        return self._made[key]
