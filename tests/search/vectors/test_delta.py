"""Snapshots of the delta: older ones never change, dead rows are dropped."""

from __future__ import annotations

import numpy as np

from search.types import Ids, Modality
from search.vectors.delta import DeltaSegment
from tests.search.vectors.reference import batch, clustered

VECTORS = clustered(200)


def ids(*products: int) -> Ids:
    return np.array(products, np.int64)


def filled(products: int) -> DeltaSegment:
    batches = [
        batch(Modality.TEXT, product, [product], VECTORS[[product]]) for product in range(products)
    ]
    return DeltaSegment.empty(16).with_changes(np.arange(products), batches)


def found(delta: DeltaSegment) -> set[int]:
    return set(delta.view_ids[delta.search(VECTORS[:1], 500, None).rows[0]].tolist())


def test_older_snapshots_never_change() -> None:
    first = filled(10)
    second = first.with_changes(ids(3, 4), [batch(Modality.TEXT, 3, [103], VECTORS[[103]])])
    third = second.with_changes(ids(5), [])
    assert second.rows is first.rows, "the arrays are shared while there is room"
    assert found(first) == set(range(10))
    assert found(second) == set(range(10)) - {3, 4} | {103}
    assert found(third) == found(second) - {5}


def test_growing_keeps_every_view() -> None:
    grown = filled(10).with_changes(
        ids(150), [batch(Modality.TEXT, 150, range(100, 200), VECTORS[100:])]
    )
    assert found(grown) == set(range(10)) | set(range(100, 200))


def test_dead_rows_are_dropped_when_they_are_the_majority() -> None:
    half = filled(10).with_changes(np.arange(5), [])
    assert (len(half), half.live_rows.size) == (10, 5)
    compact = half.with_changes(ids(5), [])
    assert (len(compact), compact.live_rows.size) == (4, 4)
    assert found(compact) == {6, 7, 8, 9}
