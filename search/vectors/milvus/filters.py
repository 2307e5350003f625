"""Which products a search may return: as a filter expression, or as a mask over fetched rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from search.types import Ids
from search.vectors.milvus.naming import product_in, product_not_in
from search.vectors.milvus.result_rows import ResultRows

MAX_LISTED_IDS = 10_000
"""Most ids in one expression: about 80 kB to send and to parse."""


@dataclass(frozen=True, slots=True, eq=False)
class ProductFilter:
    """The `allowed` products, or all when None, without the `hidden` ones.

    Hidden products changed or were deleted. Both are ascending.
    """

    allowed: Ids | None
    hidden: Ids

    @classmethod
    def of(cls, allowed: Ids | None, hidden: Ids) -> ProductFilter:
        """Return a filter whose hidden products are already taken out of the allowed ones."""
        if allowed is None or not hidden.size:
            return cls(allowed, hidden)
        return cls(np.setdiff1d(allowed, hidden, assume_unique=True), np.empty(0, np.int64))

    def share_of(self, products: int) -> float:
        """Return roughly which share of so many products is eligible, above zero."""
        if self.allowed is None:
            return 1.0
        return max(1, min(products, len(self.allowed))) / max(1, products)

    @property
    def short_expression(self) -> str:
        """A filter that is cheap to send with every search; empty if there is none.

        Then `select` has to drop rows that are not eligible.
        """
        if self.allowed is None or len(self.allowed) > MAX_LISTED_IDS:
            return ""
        return product_in(self.allowed)

    def expressions(self) -> Iterator[str]:
        """Yield filters that together match exactly the eligible products."""
        if self.allowed is None:
            yield product_not_in(self.hidden)
            return
        for start in range(0, len(self.allowed), MAX_LISTED_IDS):
            yield product_in(self.allowed[start : start + MAX_LISTED_IDS])

    def select(self, rows: ResultRows) -> ResultRows:
        """Return the eligible ones of these rows."""
        mask = ~np.isin(rows.product_ids, self.hidden)
        if self.allowed is not None:
            mask &= np.isin(rows.product_ids, self.allowed)
        return rows.select(mask)
