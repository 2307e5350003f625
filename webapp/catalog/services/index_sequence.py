"""The index sequence: numbers every change to what search may return."""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection, transaction
from django.db.models import F

from webapp.catalog.models import IndexClock, Product


def advance_index_sequence() -> int:
    """Raise the sequence by one and return it. Its row stays locked until commit.

    Call it last in a transaction: other writers wait for it.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "the index sequence is raised inside a transaction"
        )
    if not IndexClock.objects.filter(pk=1).update(value=F("value") + 1):
        IndexClock.objects.bulk_create([IndexClock(pk=1, value=0)], ignore_conflicts=True)
        IndexClock.objects.filter(pk=1).update(value=F("value") + 1)
    return IndexClock.objects.values_list("value", flat=True).get(pk=1)


def mark_changed(product_ids: Collection[int]) -> None:
    """Record that what search may return of these products has changed.

    Products are locked first, in id order, as `ProductWriter` does: a writer that held the
    sequence while waiting for a product could deadlock with one that does the opposite.
    """
    locked = list(
        Product.objects.select_for_update()
        .filter(pk__in=product_ids)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    if locked:
        Product.objects.filter(pk__in=locked).update(index_seq=advance_index_sequence())
