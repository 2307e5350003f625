"""The index clock: numbers every change to what search may return."""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection, transaction
from django.db.models import F

from webapp.catalog.models import IndexClock, Product, RemovedProduct


def get_index_sequence() -> int:
    """The newest committed change number; 0 before the first change."""
    return IndexClock.objects.values_list("value", flat=True).first() or 0


def _advance() -> int:
    """Raise the clock by one and hold its row lock until commit. Call last in the transaction:
    others wait.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "the index clock is raised inside a transaction"
        )
    if not IndexClock.objects.filter(pk=1).update(value=F("value") + 1):
        IndexClock.objects.bulk_create([IndexClock(pk=1, value=0)], ignore_conflicts=True)
        IndexClock.objects.filter(pk=1).update(value=F("value") + 1)
    return IndexClock.objects.values_list("value", flat=True).get(pk=1)


def mark_changed(product_ids: Collection[int]) -> None:
    """Record that what search may return of these products has changed.

    Products are locked first, in id order: a writer that held the clock while waiting for a
    product could deadlock with one that holds the product and waits for the clock.
    """
    locked = list(
        Product.objects.select_for_update()
        .filter(pk__in=product_ids)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    if locked:
        Product.objects.filter(pk__in=locked).update(index_seq=_advance())


def remove_products(product_ids: Collection[int]) -> int:
    """Delete products with their assets, leaving the trace that readers drop their views by.
    Returns how many.
    """
    with transaction.atomic():
        doomed = list(
            Product.objects.select_for_update()
            .filter(pk__in=product_ids)
            .order_by("pk")
            .values("pk", "sku")
        )
        Product.objects.filter(pk__in=[row["pk"] for row in doomed]).delete()
        if doomed:
            seq = _advance()
            RemovedProduct.objects.bulk_create(
                [
                    RemovedProduct(product_id=row["pk"], sku=row["sku"], index_seq=seq)
                    for row in doomed
                ]
            )
    return len(doomed)
