"""What the database tells the index."""

from __future__ import annotations

from dataclasses import dataclass

from search.types import ViewBatch


@dataclass(frozen=True, slots=True)
class ProductViews:
    """One change: every view the product has from `seq` on, of all modalities; none when it is
    deleted or hidden.

    `seq` is above zero and grows with every change of any product. Every row must carry this
    `product_id`.
    """

    product_id: int
    seq: int
    batches: tuple[ViewBatch, ...] = ()
