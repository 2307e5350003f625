"""Which products a search may return, as a filter expression or as a mask over what came back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from search.types import Ids
from search.vectors.milvus.naming import among, not_among
from search.vectors.milvus.result_rows import FetchedRows

LISTED_IDS = 10_000
"""Most ids in one expression: about 80 kB to send and to parse."""


@dataclass(frozen=True, slots=True, eq=False)
class Eligible:
    """`allowed` products (all when None) but for the `hidden` ones, which changed or went. Both
    ascending.
    """

    allowed: Ids | None
    hidden: Ids

    @classmethod
    def of(cls, allowed: Ids | None, hidden: Ids) -> Eligible:
        if allowed is None or not hidden.size:
            return cls(allowed, hidden)
        return cls(np.setdiff1d(allowed, hidden, assume_unique=True), np.empty(0, np.int64))

    def share(self, products: int) -> float:
        """Roughly which share of so many products is eligible, above zero."""
        if self.allowed is None:
            return 1.0
        return max(1, min(products, len(self.allowed))) / max(1, products)

    @property
    def short_expression(self) -> str:
        """A filter that is cheap to send with every search, or none: then `kept` does the work."""
        return (
            among(self.allowed)
            if self.allowed is not None and len(self.allowed) <= LISTED_IDS
            else ""
        )

    def expressions(self) -> Iterator[str]:
        """Filters that together match exactly what is eligible."""
        if self.allowed is None:
            yield not_among(self.hidden)
            return
        for start in range(0, len(self.allowed), LISTED_IDS):
            yield among(self.allowed[start : start + LISTED_IDS])

    def kept(self, rows: FetchedRows) -> FetchedRows:
        """The eligible ones of these rows."""
        mask = ~np.isin(rows.product_ids, self.hidden)
        if self.allowed is not None:
            mask &= np.isin(rows.product_ids, self.allowed)
        return rows.kept(mask)
